/** Noticing what others write. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Wakeups } from '../src/wakeups.ts'

let folder = ''
let wal = ''
let looks = 0
/** After how many looks the change is seen. */
let seenAfter = 0
let wakeups: Wakeups
let seen: () => void = () => undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-'))
  wal = join(folder, 'home.db-wal')
  writeFileSync(wal, '')
  looks = 0
  seenAfter = Infinity
  wakeups = new Wakeups(join(folder, 'home.db'), () => {
    looks += 1
    if (looks < seenAfter) return false
    seen()
    return true
  })
})
afterEach(() => {
  wakeups.close()
  rmSync(folder, { recursive: true })
})

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Listens, and waits until the system is asked. */
async function listen(): Promise<void> {
  wakeups.watch(true)
  await after(50)
  looks = 0
}

test('a change that cannot be seen yet is looked for until it can', async () => {
  await listen()
  const found = new Promise<void>((resolve) => (seen = resolve))
  seenAfter = 4
  appendFileSync(wal, 'x')
  await found
  expect(looks).toBe(4)
})

test('nobody looks for ever', async () => {
  await listen()
  appendFileSync(wal, 'x')
  await after(200)
  expect(looks).toBeGreaterThan(1)
  expect(looks).toBeLessThan(30)
})

test('while this process is busy, and when nobody listens, nobody looks', async () => {
  await listen()
  wakeups.busy()
  appendFileSync(wal, 'x')
  await after(100)
  expect(looks).toBe(0)
  wakeups.watch(false)
  wakeups.quiet()
  appendFileSync(wal, 'x')
  await after(300)
  expect(looks).toBe(0)
})

test('when it is quiet again, somebody looks', async () => {
  await listen()
  wakeups.busy()
  wakeups.quiet()
  await after(100)
  expect(looks).toBeGreaterThanOrEqual(1)
})

test('a writer that never pauses makes nobody look without a pause', async () => {
  await listen()
  seenAfter = 0
  const end = performance.now() + 300
  while (performance.now() < end) {
    for (let n = 0; n < 20; n++) appendFileSync(wal, 'x')
    await after(0)
  }
  expect(looks).toBeGreaterThan(5)
  expect(looks).toBeLessThan(200)
})
