/** Takes the trace of a caller over into the headers of the tasks that it enqueues, where `millrace/opentelemetry` finds it. */

/** `version-trace-span-flags`, as W3C has it; all zeros are no ids, and the version ff is none. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
/** Of later versions more may follow, which is left out. */
const LATER = /^((?!00|ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})-[\x21-\x7e]*$/
const STATE_BYTES_MAX = 512
const BAGGAGE_BYTES_MAX = 4_096
/** That core lets a task have. */
const HEADERS_BYTES_MAX = 16_384
const PRINTABLE = /^[\x20-\x7e]*$/

/**
 * The headers that go on with a task: `traceparent`, `tracestate` (up to 512 bytes) and `baggage` (up to 4 096). What is
 * not as W3C has it, or too long, is left out, and is no error: a trace is no reason to refuse a task. Without a
 * `traceparent` there is no `tracestate` either.
 *
 * @param read answers a header of the request, or an entry of the metadata of an RPC, by its name in lower case
 */
export function traceHeaders(
  read: (name: string) => string | null | undefined,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const parent = parentOf(read('traceparent'))
  if (parent !== undefined) {
    headers['traceparent'] = parent
    const state = read('tracestate')
    if (isFit(state, STATE_BYTES_MAX)) headers['tracestate'] = state
  }
  const baggage = read('baggage')
  if (isFit(baggage, BAGGAGE_BYTES_MAX)) headers['baggage'] = baggage
  return headers
}

/**
 * The headers of a task, with the trace of whoever enqueues it. What the task has itself goes before: a `traceparent` of its
 * own with its own `tracestate`. A trace for which there is no room is left out, since that is no reason to refuse a task.
 */
export function withTrace(
  own: Readonly<Record<string, string>> | undefined,
  trace: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> | undefined {
  const { baggage, ...context } = trace
  const ways = own !== undefined && 'traceparent' in own ? {} : context
  const more = { ...ways, ...(baggage !== undefined && { baggage }) }
  if (Object.keys(more).length === 0) return own
  return (
    [
      { ...more, ...own },
      { ...ways, ...own },
    ].find(isShort) ?? own
  )
}

function isShort(headers: Readonly<Record<string, string>>): boolean {
  return Buffer.byteLength(JSON.stringify(headers)) <= HEADERS_BYTES_MAX
}

function parentOf(given: string | null | undefined): string | undefined {
  const text = given?.trim() ?? ''
  const parent = LATER.exec(text)?.[1] ?? text
  return TRACEPARENT.test(parent) ? parent : undefined
}

function isFit(text: string | null | undefined, bytesMax: number): text is string {
  return typeof text === 'string' && text !== '' && text.length <= bytesMax && PRINTABLE.test(text)
}
