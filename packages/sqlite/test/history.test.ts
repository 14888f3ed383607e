/** Histories as text. */
import { expect, test } from 'vitest'
import { historyLine, HISTORY_CHARS_MAX, lastClaimAt, lastEntryAt, readHistory } from '../src/history.ts'

const sessionOf = (key: number): string => `session ${key}`

test('what was written is read', () => {
  const details = [null, '', ' ', 'two words', 'a\nb', 'a\\nb', '\0', 'é𝒳']
  const text = details
    .map((detail, n) => historyLine({ event: 'retry', at: n, epoch: n, session: n, detail }))
    .join('')
  const [first, ...rest] = readHistory(text, 7, sessionOf)
  expect(first).toEqual({ at: 7, event: 'enqueued', epoch: 0, session: null, detail: null })
  expect(rest).toEqual(
    details.map((detail, n) => ({ at: n, event: 'retry', epoch: n, session: `session ${n}`, detail })),
  )
})

test('a detail is cut to 80 characters, and no character is torn apart', () => {
  const cut = (detail: string): string | null | undefined =>
    readHistory(historyLine({ event: 'failed', at: 1, epoch: 1, session: null, detail }), 0, sessionOf)[1]
      ?.detail
  expect(cut('x'.repeat(100))).toBe('x'.repeat(80))
  expect(cut(`${'x'.repeat(79)}𝒳`)).toBe('x'.repeat(79))
})

test('the newest hundred are read, also where the oldest text was cut off', () => {
  const lines = Array.from({ length: 400 }, (_, n) => {
    return historyLine({ event: 'retry', at: n, epoch: n, session: null, detail: 'd'.repeat(80) })
  })
  const entries = readHistory(lines.join('').slice(-HISTORY_CHARS_MAX), 0, sessionOf)
  expect(entries.map(({ at }) => at)).toEqual(Array.from({ length: 100 }, (_, n) => n + 300))
})

test('the last claim and the last way into waiting are found', () => {
  expect([lastClaimAt(''), lastEntryAt('')]).toEqual([null, null])
  const text = (['claimed', 'retry', 'claimed', 'held'] as const)
    .map((event, n) => historyLine({ event, at: n + 10, epoch: 1, session: 1 }))
    .join('')
  expect([lastClaimAt(text), lastEntryAt(text)]).toEqual([12, 11])
})
