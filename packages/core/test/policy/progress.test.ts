import { expect, test } from 'vitest'
import { judgeProgress, SILENCE_MS, type Progress, type ProgressVerdict } from '../../src/policy/progress.ts'

const LONG = SILENCE_MS

test.each<[what: string, facts: Partial<Progress>, verdict: ProgressVerdict]>([
  ['an answer came a moment ago', { silentMs: LONG - 1 }, 'fine'],
  ['nothing is due, or nobody knows', { dueForMs: null }, 'fine'],
  ['what is due has only come', { dueForMs: LONG - 1 }, 'fine'],
  ['work is due, and nothing answers', {}, 'renew'],
  ['the connections were made anew a moment ago', { renewedAgoMs: LONG - 1 }, 'fine'],
  ['that did not help', { renewedAgoMs: LONG }, 'stalled'],
  ['that did not help, but the work is gone', { renewedAgoMs: LONG, dueForMs: null }, 'fine'],
  ['that helped', { renewedAgoMs: LONG, silentMs: 0 }, 'fine'],
])('%s', (_, facts, verdict) => {
  expect(judgeProgress({ silentMs: LONG, dueForMs: LONG, renewedAgoMs: null, ...facts })).toBe(verdict)
})
