/**
 * A trace in the headers of a task, as W3C has it: `traceparent`, `tracestate`, `baggage`. Written and read here, and not by
 * the propagator of the process: a task may wait for days, for workers with another one.
 */
import {
  propagation,
  ROOT_CONTEXT,
  trace,
  type Baggage,
  type BaggageEntry,
  type Context,
  type SpanContext,
} from '@opentelemetry/api'
import { readTraceState } from './trace-state.ts'

type Headers = Readonly<Record<string, string>>

const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/
const STATE_CHARACTERS_MAX = 512
/** Tasks have 16 KiB for all of their headers. */
const BAGGAGE_CHARACTERS_MAX = 4_096
const NAMES = ['traceparent', 'tracestate', 'baggage'] as const
/** What a name in the baggage may consist of. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Headers with this trace instead of the one that they had. */
export function withTrace(headers: Headers | undefined, span: SpanContext, active: Context): Headers {
  const kept = Object.entries(headers ?? {}).filter(([name]) => !(NAMES as readonly string[]).includes(name))
  const flags = (span.traceFlags & 0xff).toString(16).padStart(2, '0')
  const written: Record<string, string> = Object.fromEntries(kept)
  written['traceparent'] = `00-${span.traceId}-${span.spanId}-${flags}`
  const state = span.traceState?.serialize() ?? ''
  if (state !== '' && state.length <= STATE_CHARACTERS_MAX) written['tracestate'] = state
  const baggage = baggageText(propagation.getBaggage(active))
  if (baggage !== '') written['baggage'] = baggage
  return written
}

/** The span that the headers tell of; `undefined`: of none that can be read. */
export function spanContextOf(headers: Headers): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(headers['traceparent'] ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  const state = headers['tracestate']
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(state === undefined ? {} : { traceState: readTraceState(state) }),
  }
}

/** A context of nothing but what the headers tell: the span, and the baggage. */
export function contextOf(headers: Headers): Context {
  const span = spanContextOf(headers)
  const base = span === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, span)
  return withBaggage(base, headers)
}

/** The context with the baggage that the headers tell of. */
export function withBaggage(context: Context, headers: Headers): Context {
  const baggage = baggageOf(headers['baggage'])
  return baggage === undefined ? context : propagation.setBaggage(context, baggage)
}

/** Entries that do not fit any more are left out, and so is metadata of entries. */
function baggageText(baggage: Baggage | undefined): string {
  let text = ''
  for (const [name, { value }] of baggage?.getAllEntries() ?? []) {
    const entry = `${text === '' ? '' : ','}${name}=${encodeURIComponent(value)}`
    if (TOKEN.test(name) && text.length + entry.length <= BAGGAGE_CHARACTERS_MAX) text += entry
  }
  return text
}

function baggageOf(text: string | undefined): Baggage | undefined {
  if (text === undefined || text.length > BAGGAGE_CHARACTERS_MAX) return undefined
  const entries: Record<string, BaggageEntry> = {}
  for (const member of text.split(',')) {
    const [, name, value] = /^\s*([^=;\s]+)\s*=\s*([^;]*)/.exec(member) ?? []
    const read = value === undefined ? undefined : decoded(value.trim())
    if (name !== undefined && TOKEN.test(name) && read !== undefined) entries[name] = { value: read }
  }
  return Object.keys(entries).length === 0 ? undefined : propagation.createBaggage(entries)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // what cannot be decoded is somebody else's
  }
}
