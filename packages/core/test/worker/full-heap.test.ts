/** A thread that has filled its heap: in a process of its own, because now and then V8 ends all of it (docs/isolates.md says so). */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Counters } from '../../src/store/records.ts'

interface Verdict {
  readonly state: string
  readonly reason: string
  readonly name: string
  readonly code: string
  readonly counters: Counters
  readonly crashes: readonly string[]
}

const run = promisify(execFile)
const PROGRAM = join(import.meta.dirname, 'isolated/full-heap.mjs')
/** V8 ends one process of some tens, more on a machine that is busy. */
const TRIES_MAX = 5

async function verdict(): Promise<Verdict> {
  for (let tries = 1; ; tries++) {
    try {
      const { stdout } = await run(process.execPath, [PROGRAM])
      return JSON.parse(stdout) as Verdict
    } catch (error) {
      if ((error as { readonly signal?: unknown }).signal !== 'SIGABRT' || tries === TRIES_MAX) throw error
    }
  }
}

test('what fills the heap of its thread fails after three crashes alone', { timeout: 120_000 }, async () => {
  const { state, reason, name, code, counters, crashes } = await verdict()
  expect([state, reason, counters.failures]).toEqual(['failed', 'crashed', 0])
  expect(counters.isolatedCrashes).toBe(3)
  // its third crash is that of a process, in which it ran alone
  const either = /^CrashError \(out of memory, 64 MiB\)|\(SIGABRT, \d+ MiB\)$/
  expect(name).toMatch(either)
  expect(code).toBe('SIGABRT')
  expect(crashes).toHaveLength(2)
  expect(crashes[0]).toMatch(either)
})
