/** The mechanics of `crashes.ts`, without its long waits. */
import { expect, test } from 'vitest'
import { fileSite } from '../src/engines/files.ts'
import { blocked } from '../src/crashes/blocked.ts'
import { millraceContender } from '../src/crashes/contenders/millrace.ts'
import { linesOf, merged, tablesOf, type CrashRecord, type Result } from '../src/crashes/report.ts'
import { onStage } from '../src/crashes/scene.ts'

test('two processes are started, the task that blocks one of them ends, and its journal is read', async () => {
  await using site = fileSite('sqlite')
  const figures = await onStage(millraceContender, { site, quick: true }, blocked)
  expect(figures).toMatchObject({ starts: 1, ends: 1, accepted: 1, fate: 'succeeded' })
  expect(figures.endedMs).toBeGreaterThanOrEqual(figures.blockedMs)
})

const killed = (againMs: readonly number[]): Result => ({
  test: 'killed',
  engine: 'redis',
  contender: 'somebody',
  figures: { running: 3, againMs, boundMs: 120_000 },
})

test('tasks that were not started again within the bound count as later than it', () => {
  const row = (againMs: readonly number[]): string => linesOf(tablesOf([killed(againMs)])[0]!).at(-1)!
  expect(row([3_000, 1_000, 2_000])).toBe('| somebody | redis | 3 | 3 | 1 s | 2 s | 3 s |')
  expect(row([1_500, 1_000])).toBe('| somebody | redis | 3 | 2 | 1 s | 1.5 s | not within 120 s |')
  expect(row([])).toContain('| 0 | not within 120 s | not within 120 s | not within 120 s |')
})

test('of what was measured twice the last figures stand', () => {
  const record = (results: readonly Result[]): CrashRecord => ({ results }) as CrashRecord
  const other: Result = { ...killed([1]), engine: 'postgres' }
  expect(merged([record([killed([1]), other]), record([killed([2])])])).toEqual([killed([2]), other])
})
