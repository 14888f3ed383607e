/**
 * A task's history as text in its own row, one line per event: `<letter><time in base 36> <epoch> <session's
 * key>[ <detail>]`. What other columns say anyway is not written: the enqueue, the latest claim until something
 * happens to it, and success.
 */
import { eventLetter, eventOf } from '@millrace/core/store'
import type { HistoryEntry, HistoryEvent, SessionId } from '@millrace/core/store'

const HISTORY_ENTRIES_MAX = 100
const HISTORY_DETAIL_MAX = 80

export interface HistoryLine {
  readonly event: HistoryEvent
  readonly at: number
  readonly epoch: number
  /** The session's key; `null` for operators and the upkeep. */
  readonly session: number | null
  readonly detail?: string | null | undefined
}

function textOf({ event, at, epoch, session, detail }: HistoryLine): string {
  const head = `${eventLetter(event)}${at.toString(36)} ${epoch} ${session ?? ''}`
  return detail === undefined || detail === null ? `${head}\n` : `${head} ${escaped(detail)}\n`
}

/** The history with one more event; the oldest goes when there are too many. A cut is told by a leading dash. */
export function withLine(history: string | null, line: HistoryLine): string {
  const text = (history ?? '') + textOf(line)
  // lines are short: only a history of some length needs to be counted
  if (text.length < 10 * HISTORY_ENTRIES_MAX) return text
  const lines = text.split('\n')
  const kept = lines.slice(-HISTORY_ENTRIES_MAX - 1)
  return kept.length === lines.length ? text : `-\n${kept.join('\n')}`
}

/** Cut so that no character is torn apart. A line break would end the line, and U+0000 cannot be kept. */
function escaped(detail: string): string {
  const cut = detail.slice(0, HISTORY_DETAIL_MAX)
  const whole = cut.isWellFormed() ? cut : cut.slice(0, -1)
  return whole.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\0', '\\0')
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '0': '\0' }

function unescaped(detail: string): string {
  return detail.replaceAll(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter)
}

/** What a history is made of, beside what is written in it. */
export interface Story {
  readonly history: string | null
  readonly enqueuedAt: number
  readonly epoch: number
  readonly session: number | null
  /** The latest claim, unless it is written. */
  readonly claimedAt: number | null
  readonly succeededAt: number | null
}

/** The newest entries of a history, oldest first. */
export function readHistory(
  { history, enqueuedAt, epoch, session, claimedAt, succeededAt }: Story,
  sessionOf: (key: number) => SessionId | null,
): readonly HistoryEntry[] {
  let text = history ?? ''
  if (claimedAt !== null) text += textOf({ event: 'claimed', at: claimedAt, epoch, session })
  if (succeededAt !== null) text += textOf({ event: 'succeeded', at: succeededAt, epoch, session })
  const lines = text.split('\n').slice(0, -1)
  const cut = lines[0] === '-'
  const entries = lines.slice(cut ? 1 : 0).map((line) => readLine(line, sessionOf))
  if (!cut) entries.unshift({ at: enqueuedAt, event: 'enqueued', epoch: 0, session: null, detail: null })
  return entries.slice(-HISTORY_ENTRIES_MAX)
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

/** The keys of all sessions that a history names. */
export function sessionsIn(history: string | null): readonly number[] {
  const keys = (history ?? '').split('\n').map((line) => line.split(' ')[2] ?? '')
  return keys.filter((key) => key !== '').map(Number)
}
