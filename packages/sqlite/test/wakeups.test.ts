/** Noticing what others write: the system's word is real, and all time is virtual. */
import { once } from 'node:events'
import { appendFileSync, mkdtempSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Wakeups } from '../src/wakeups.ts'

const realImmediate = setImmediate

let folder = ''
let wal = ''
let looks = 0
/** After how many looks the change is seen. */
let seenAfter = 0
let wakeups: Wakeups
beforeEach(() => {
  vi.useFakeTimers()
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  wal = join(folder, 'home.db-wal')
  writeFileSync(wal, '')
  looks = 0
  seenAfter = Infinity
  wakeups = new Wakeups(join(folder, 'home.db'), () => {
    looks += 1
    return looks >= seenAfter
  })
})
afterEach(() => {
  wakeups.close()
  vi.useRealTimers()
  rmSync(folder, { recursive: true })
})

/** Listens, and asks the system. */
function listen(): void {
  wakeups.watch(true)
  vi.advanceTimersByTime(5)
  looks = 0
}

/** Somebody writes, and the system has told all who asked it. */
async function othersWrite(): Promise<void> {
  const watcher = watch(wal)
  const told = once(watcher, 'change')
  appendFileSync(wal, 'x')
  await told
  watcher.close()
  await new Promise((resolve) => realImmediate(resolve))
}

test('a change that cannot be seen yet is looked for until it can', async () => {
  listen()
  seenAfter = 4
  await othersWrite()
  vi.advanceTimersByTime(100)
  expect(looks).toBe(4)
})

test('nobody looks for ever: then there is the poll', async () => {
  listen()
  await othersWrite()
  vi.advanceTimersByTime(200)
  expect(looks).toBeGreaterThan(1)
  expect(looks).toBeLessThan(30)
  looks = 0
  vi.advanceTimersByTime(10_000)
  expect(looks).toBe(40)
})

test('while this process is busy, and when nobody listens, nobody looks', async () => {
  listen()
  wakeups.busy()
  await othersWrite()
  vi.advanceTimersByTime(100)
  expect(looks).toBe(0)
  wakeups.watch(false)
  wakeups.quiet()
  vi.advanceTimersByTime(100)
  await othersWrite()
  vi.advanceTimersByTime(10_000)
  expect(looks).toBe(0)
})

test('when it is quiet again, somebody looks, and the system is asked again', async () => {
  listen()
  wakeups.busy()
  wakeups.quiet()
  vi.advanceTimersByTime(100)
  expect(looks).toBe(1)
  await othersWrite()
  vi.advanceTimersByTime(100)
  expect(looks).toBeGreaterThan(1)
})

test('a writer that never pauses makes nobody look without a pause', async () => {
  listen()
  seenAfter = 0
  for (let ms = 0; ms < 300; ms++) {
    await othersWrite()
    vi.advanceTimersByTime(1)
  }
  expect(looks).toBeGreaterThan(50)
  expect(looks).toBeLessThan(200)
})
