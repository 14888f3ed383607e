/** Keeping worker processes running: the policy, and who tells whom what. */
import { describe, expect, test } from 'vitest'
import { supervisionOf } from '../src/cli/supervision/command-line.ts'
import { afterDeath, DEATHS_MAX, STABLE_MS } from '../src/cli/supervision/restarts.ts'
import { Supervisor, type ChargeEvents, type Notice } from '../src/cli/supervision/supervisor.ts'

describe('restarts', () => {
  const soon = { livedMs: 0, chance: 0.999_999 }

  test('the wait doubles up to a bound', () => {
    const waits = [0, 1, 2, 3, 4].map((before) => afterDeath({ before, ...soon }))
    expect(waits.map((restart) => restart.verdict === 'restart' && restart.delayMs)).toEqual([
      999, 1_999, 3_999, 7_999, 15_999,
    ])
  })

  test('it is anything up to that', () => {
    expect(afterDeath({ before: 3, livedMs: 0, chance: 0 })).toMatchObject({ delayMs: 0 })
    expect(afterDeath({ before: 3, livedMs: 0, chance: 0.5 })).toMatchObject({ delayMs: 4_000 })
  })

  test('who dies at once again and again is given up', () => {
    expect(afterDeath({ before: DEATHS_MAX - 2, ...soon }).verdict).toBe('restart')
    expect(afterDeath({ before: DEATHS_MAX - 1, ...soon })).toEqual({
      verdict: 'give up',
      deaths: DEATHS_MAX,
    })
  })

  test('a stable while forgives everything before', () => {
    expect(afterDeath({ before: DEATHS_MAX, livedMs: STABLE_MS, chance: 0.5 })).toEqual({
      verdict: 'restart',
      deaths: 1,
      delayMs: 500,
    })
    expect(afterDeath({ before: 4, livedMs: STABLE_MS - 1, chance: 0 }).deaths).toBe(5)
  })
})

describe('the command line', () => {
  test.each([
    [
      ['worker', 'a.ts'],
      ['worker', 'a.ts', '--with-parent'],
    ],
    [
      ['--store', 'worker', 'worker', 'a.ts'],
      ['--store', 'worker', 'worker', 'a.ts', '--with-parent'],
    ],
    [
      ['--json', 'worker', '--', '-a.ts'],
      ['--json', 'worker', '--with-parent', '--', '-a.ts'],
    ],
  ])('%j is supervised', (args, passed) => {
    expect(supervisionOf(args)?.args).toEqual(passed)
  })

  test.each([
    [[]],
    [['workers']],
    [['--store', 'worker']],
    [['worker', '--help']],
    [['worker', 'a.ts', '--with-parent']],
    [['enqueue', 'worker', '{}']],
    [['--', 'worker', 'a.ts']],
  ])('%j is not', (args) => {
    expect(supervisionOf(args)).toBeUndefined()
  })

  test.each([
    [['--processes', '4'], 4],
    [['--processes=2'], 2],
    [['--processes', '2', '--processes=3'], 3],
    [['--processes', 'many'], 1],
    [['--processes', '0'], 1],
    [['--processes'], 1],
    [['--', '--processes', '9'], 1],
    [[], 1],
  ])('%j is so many processes', (options, count) => {
    expect(supervisionOf(['worker', 'a.ts', ...options])?.processes).toBe(count)
  })
})

class Child {
  readonly told: string[] = []
  readonly pid: number
  readonly events: ChargeEvents
  constructor(pid: number, events: ChargeEvents) {
    this.pid = pid
    this.events = events
  }
  tell(order: string): void {
    this.told.push(order)
  }
  kill(): void {
    this.told.push('SIGKILL')
  }
  exits(code: number): void {
    this.events.ended({ code, signal: null })
  }
  dies(): void {
    this.events.ended({ code: null, signal: 'SIGKILL' })
  }
}

/** A supervisor of processes that do what the test says; time passes when it says so. */
function scene(processes: number): {
  readonly children: Child[]
  readonly notices: Notice[]
  readonly supervisor: Supervisor
  readonly run: Promise<number>
  readonly child: (index: number) => Child
  readonly pass: (ms: number) => void
} {
  const children: Child[] = []
  const notices: Notice[] = []
  let nowMs = 0
  let timers: { readonly atMs: number; readonly run: () => void }[] = []
  const supervisor = new Supervisor({
    processes,
    start: (_index, events) => {
      const child = new Child(children.length + 1, events)
      children.push(child)
      return child
    },
    say: (notice) => notices.push(notice),
    nowMs: () => nowMs,
    chance: () => 0.5,
    later: (delayMs, run) => {
      const timer = { atMs: nowMs + delayMs, run }
      timers.push(timer)
      return () => (timers = timers.filter((other) => other !== timer))
    },
  })
  return {
    children,
    notices,
    supervisor,
    run: supervisor.run(),
    child: (index) => children[index]!,
    pass(ms) {
      nowMs += ms
      const due = timers.filter(({ atMs }) => atMs <= nowMs)
      timers = timers.filter(({ atMs }) => atMs > nowMs)
      for (const { run } of due) run()
    },
  }
}

describe('the supervisor', () => {
  test('the first process goes ahead, the others follow when it is ready', async () => {
    const { children, child, run } = scene(3)
    expect(children).toHaveLength(1)
    child(0).events.ready()
    child(0).events.ready()
    expect(children).toHaveLength(3)
    for (const one of children) one.exits(0)
    expect(await run).toBe(0)
  })

  test('what is wrong from the start is said once, and its code is the end', async () => {
    const { children, child, run, notices } = scene(3)
    child(0).exits(2)
    expect(await run).toBe(2)
    expect([children.length, notices]).toEqual([1, []])
  })

  test('who dies is started again, whatever it dies of', async () => {
    const { children, child, run, notices, pass } = scene(1)
    child(0).events.ready()
    pass(STABLE_MS)
    child(0).dies()
    expect(notices).toEqual([
      { kind: 'died', pid: 1, ending: { code: null, signal: 'SIGKILL' }, delayMs: 500 },
    ])
    pass(499)
    expect(children).toHaveLength(1)
    pass(1)
    expect(children).toHaveLength(2)
    child(1).exits(1)
    pass(1_000)
    child(2).exits(0)
    expect(await run).toBe(0)
  })

  test('who was to end is not', async () => {
    const { children, child, run } = scene(1)
    child(0).events.ready()
    child(0).events.stopped()
    child(0).exits(1)
    expect(await run).toBe(1)
    expect(children).toHaveLength(1)
  })

  test('it gives up one that dies at once again and again, and drains the others', async () => {
    const { children, child, run, notices, pass } = scene(2)
    child(0).events.ready()
    child(1).events.ready()
    for (let deaths = 0; deaths < DEATHS_MAX; deaths++) {
      children.at(-1)!.exits(134)
      pass(30_000)
    }
    expect(notices.at(-1)).toEqual({
      kind: 'given up',
      ending: { code: 134, signal: null },
      deaths: DEATHS_MAX,
    })
    expect(child(0).told).toEqual(['stop'])
    child(0).exits(0)
    expect(await run).toBe(134)
    expect(children).toHaveLength(DEATHS_MAX + 1)
  })

  test('it passes on what it is asked: drain, then hurry; who does not is killed', async () => {
    const { child, run, supervisor, pass, notices } = scene(2)
    child(0).events.ready()
    for (let asked = 0; asked < 3; asked++) supervisor.asked()
    expect([child(0).told, child(1).told]).toEqual([
      ['stop', 'hurry'],
      ['stop', 'hurry'],
    ])
    child(0).exits(0)
    pass(20_000)
    expect(child(1).told.at(-1)).toBe('SIGKILL')
    child(1).dies()
    expect(await run).toBe(1)
    expect(notices).toEqual([{ kind: 'killed', pid: 2 }])
  })

  test('asked to end it starts nothing any more', async () => {
    const { child, children, run, supervisor, pass } = scene(3)
    child(0).events.ready()
    child(1).dies()
    supervisor.asked()
    child(2).dies()
    pass(60_000)
    child(0).exits(0)
    expect(await run).toBe(1)
    expect(children).toHaveLength(3)
  })

  test('asked before the first is ready the others never are', async () => {
    const { child, children, run, supervisor } = scene(3)
    supervisor.asked()
    child(0).events.ready()
    child(0).exits(0)
    expect(await run).toBe(0)
    expect(children).toHaveLength(1)
  })
})
