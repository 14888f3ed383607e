/** When `millrace dev` ends its worker process, and when it starts another one; and its clock. */
import { describe, expect, test } from 'vitest'
import { DevClock } from '../src/cli/dev/clock.ts'
import { Reloader } from '../src/cli/dev/reloader.ts'
import type { ChargeEvents } from '../src/cli/supervision/supervisor.ts'

const KILLED = { code: null, signal: 'SIGKILL' } as const
const DONE = { code: 0, signal: null } as const

/** A reloader, and all that it does, by the number of the process. */
function bench(): {
  readonly reloader: Reloader
  readonly log: string[]
  readonly events: ChargeEvents[]
  readonly late: () => void
} {
  const log: string[] = []
  const events: ChargeEvents[] = []
  const timers = new Set<() => void>()
  const reloader = new Reloader({
    start: (heard) => {
      events.push(heard)
      const name = events.length
      log.push(`start ${name}`)
      return {
        pid: name,
        tell: (order) => void log.push(`${order} ${name}`),
        kill: () => void log.push(`kill ${name}`),
      }
    },
    ended: ({ code, signal }) => void log.push(`ended ${code ?? signal}`),
    later: (_, run) => {
      timers.add(run)
      return () => timers.delete(run)
    },
  })
  return { reloader, log, events, late: () => timers.forEach((run) => run()) }
}

test('a change drains the process, and the next one starts when it is gone', () => {
  const { reloader, log, events, late } = bench()
  void reloader.run()
  events[0]!.ready()
  reloader.changed()
  reloader.changed()
  expect(log).toEqual(['start 1', 'stop 1'])
  events[0]!.ended(DONE)
  late()
  expect(log).toEqual(['start 1', 'stop 1', 'start 2'])
})

test('a process that has not begun is not waited for', () => {
  const { reloader, log, events } = bench()
  void reloader.run()
  reloader.changed()
  events[0]!.ended(KILLED)
  expect(log).toEqual(['start 1', 'kill 1', 'start 2'])
})

test('one that does not drain is killed', () => {
  const { reloader, log, events, late } = bench()
  void reloader.run()
  events[0]!.ready()
  reloader.changed()
  late()
  events[0]!.ended(KILLED)
  expect(log).toEqual(['start 1', 'stop 1', 'kill 1', 'start 2'])
})

test('one that ends by itself is followed by another one only when something changes', () => {
  const { reloader, log, events } = bench()
  void reloader.run()
  events[0]!.ended({ code: 1, signal: null })
  expect(log).toEqual(['start 1', 'ended 1'])
  reloader.changed()
  expect(log).toEqual(['start 1', 'ended 1', 'start 2'])
})

describe('asked to end', () => {
  test('it drains, and hurries when it is asked again', async () => {
    const { reloader, log, events } = bench()
    const over = reloader.run()
    events[0]!.ready()
    reloader.asked()
    reloader.changed()
    reloader.asked()
    events[0]!.ended(DONE)
    expect(await over).toBe(0)
    expect(log).toEqual(['start 1', 'stop 1', 'hurry 1'])
  })

  test('in the middle of a change no other process starts', async () => {
    const { reloader, log, events } = bench()
    const over = reloader.run()
    events[0]!.ready()
    reloader.changed()
    reloader.asked()
    events[0]!.ended(DONE)
    expect(await over).toBe(0)
    expect(log).toEqual(['start 1', 'stop 1', 'stop 1'])
  })

  test('without a process it is over at once', async () => {
    const { reloader, events } = bench()
    const over = reloader.run()
    events[0]!.ended(DONE)
    reloader.asked()
    expect(await over).toBe(0)
  })
})

describe('the clock', () => {
  test.each([
    ['+1h', 3_600_000, 'moved'],
    [' + 30s ', 30_000, 'moved'],
    ['', 0, 'asked'],
    ['1h', 0, 'not understood'],
    ['+soon', 0, 'not understood'],
    ['-1h', 0, 'not understood'],
  ])('takes %j', (line, aheadMs, kind) => {
    const clock = new DevClock(0)
    expect(clock.take(line).kind).toBe(kind)
    expect(clock.aheadMs).toBe(aheadMs)
  })

  test('adds up, on top of where an earlier run has left it', () => {
    const clock = new DevClock(60_000)
    clock.take('+1m')
    clock.take('+1d')
    expect(clock.aheadMs).toBe(86_400_000 + 120_000)
    expect(clock.text(Date.UTC(2026, 10, 23))).toBe('2026-11-24 00:02:00 UTC (1 d ahead)')
    expect(new DevClock(400).text(Date.UTC(2026, 10, 23))).toBe('2026-11-23 00:00:00 UTC')
  })
})
