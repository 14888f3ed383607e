/**
 * A task's history as text in its own row: one line per event, appended by the statement that changes the
 * task. A line is `<letter><time in base 36> <epoch> <session's key>[ <detail>]`; the first event, `enqueued`,
 * is not written, because the row says it anyway.
 */
import {
  eventLetter,
  eventOf,
  HISTORY_DETAIL_MAX,
  HISTORY_ENTRIES_MAX,
  type HistoryEntry,
  type HistoryEvent,
  type SessionId,
} from '@millrace/core/store'

/**
 * How many characters of history a row keeps: enough for 100 lines with the longest details. Readers drop
 * the line that the cut went through.
 */
export const HISTORY_CHARS_MAX = 20_000

export interface HistoryLine {
  readonly event: HistoryEvent
  readonly at: number
  readonly epoch: number
  /** The session's key; `null` for operators and the upkeep. */
  readonly session: number | null
  readonly detail?: string | null
}

export function historyLine({ event, at, epoch, session, detail }: HistoryLine): string {
  const head = `${eventLetter(event)}${at.toString(36)} ${epoch} ${session ?? ''}`
  return detail === undefined || detail === null ? `${head}\n` : `${head} ${escaped(detail)}\n`
}

/** Cut so that no character is torn apart. Line breaks end a line, and NUL ends a text for some of SQLite's functions. */
function escaped(detail: string): string {
  const cut = detail.slice(0, HISTORY_DETAIL_MAX)
  const whole = cut.isWellFormed() ? cut : cut.slice(0, -1)
  return whole.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\0', '\\0')
}

function unescaped(detail: string): string {
  return detail.replaceAll(/\\(.)/g, (_, letter: string) =>
    letter === 'n' ? '\n' : letter === '0' ? '\0' : letter,
  )
}

/** The newest entries of a history, oldest first. */
export function readHistory(
  text: string,
  enqueuedAt: number,
  sessionOf: (key: number) => SessionId | null,
): readonly HistoryEntry[] {
  const lines = text.split('\n')
  lines.pop()
  const cut = text.length >= HISTORY_CHARS_MAX
  if (cut) lines.shift()
  const entries = lines.slice(-HISTORY_ENTRIES_MAX).map((line) => readLine(line, sessionOf))
  if (!cut && entries.length < HISTORY_ENTRIES_MAX) {
    entries.unshift({ at: enqueuedAt, event: 'enqueued', epoch: 0, session: null, detail: null })
  }
  return entries
}

function readLine(line: string, sessionOf: (key: number) => SessionId | null): HistoryEntry {
  const [head = '', epoch = '', session = '', ...detail] = line.split(' ')
  return {
    at: parseInt(head.slice(1), 36),
    event: eventOf(head[0]!),
    epoch: Number(epoch),
    session: session === '' ? null : sessionOf(Number(session)),
    detail: detail.length === 0 ? null : unescaped(detail.join(' ')),
  }
}

/** When the latest claim was made, as the history has it. */
export function lastClaimAt(text: string): number | null {
  const from = text.lastIndexOf('\nc') + 1
  if (text[from] !== 'c') return null
  return parseInt(text.slice(from + 1, text.indexOf(' ', from)), 36)
}

/** The letters of events that make a task pending. */
const ENTRIES = 'urznbg'

/** When a task last became pending, if its history says so. */
export function lastEntryAt(text: string): number | null {
  const lines = text.split('\n')
  const last = lines.findLast((line) => line !== '' && ENTRIES.includes(line[0]!))
  return last === undefined ? null : parseInt(last.slice(1), 36)
}
