/** What is particular to the memory store; what every store does is said by the conformance suite. */
import { describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { Schedule } from '../../src/store/memory/schedule.ts'
import { Timeline } from '../../src/store/memory/timeline.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type { Demand, ExchangeAnswer, Hint } from '../../src/store/port.ts'
import type { TaskSpec } from '../../src/store/records.ts'
import type { Settlement } from '../../src/store/settlement.ts'

const START = 1_700_000_000_000
const SESSION = '00000000-0000-4000-8000-000000000001'

interface Bench {
  readonly store: MemoryStore
  /** The host's clock. */
  readonly clock: { ms: number }
}

async function bench(clockOffsetMs?: number): Promise<Bench> {
  const clock = { ms: START }
  const unused = (): never => {
    throw new Error('the memory store needs nothing but the clock')
  }
  const platform: Platform = {
    wallMs: () => clock.ms,
    monotonicMs: unused,
    random32: unused,
    setTimer: unused,
    soon: unused,
    threads: 'none',
  }
  const store = new MemoryStore({ platform, clockOffsetMs })
  await store.open()
  await store.openSession({
    session: SESSION,
    ttlMs: 3_600_000,
    host: 'host',
    pid: 1,
    queues: ['default'],
    types: ['work'],
    offers: [],
    concurrency: 10,
    state: 'running',
    definitions: [],
  })
  return { store, clock }
}

let drawn = 0

function spec(changes: Partial<TaskSpec> = {}): TaskSpec {
  drawn += 1
  return {
    id: `00000000-0000-7000-8000-${drawn.toString(16).padStart(12, '0')}`,
    idMadeBy: 'client',
    digest: 'dddddddddddddddd',
    type: 'work',
    needs: [],
    queue: 'default',
    level: 2,
    lane: null,
    dueByMs: null,
    due: { inMs: 0 },
    held: false,
    payload: '{}',
    policy: { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } },
    timeoutMs: null,
    startByMs: null,
    deadlineMs: null,
    after: [],
    unique: null,
    tags: [],
    metadata: {},
    headers: {},
    ...changes,
  }
}

async function add(store: MemoryStore, ...tasks: readonly TaskSpec[]): Promise<void> {
  const [answer] = await store.add({ groups: [{ tasks, under: null, gate: null }], again: false })
  expect(answer?.outcome).toBe('added')
}

interface Wish {
  readonly settlements?: readonly Settlement[]
  readonly tasksMax?: number
}

async function exchange(
  store: MemoryStore,
  { settlements = [], tasksMax = 0 }: Wish,
): Promise<ExchangeAnswer> {
  drawn += 1
  const demand: Demand = {
    types: ['work'],
    offers: [],
    queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax }],
    tasksMax,
    quantum: 1,
    bytesMax: 8_388_608,
    cursor: null,
    turn: null,
  }
  const nonce = drawn.toString(16).padStart(16, '0')
  return store.exchange({ session: SESSION, nonce, again: false, settlements, demand })
}

describe('the door to the clock', () => {
  test('store time is the time of the platform, plus the offset', async () => {
    const { store, clock } = await bench(5_000)
    expect(await store.now()).toBe(START + 5_000)
    clock.ms += 10
    store.shiftClock(60_000)
    expect(await store.now()).toBe(START + 65_010)
  })

  test('everything is judged by it', async () => {
    const { store } = await bench()
    await add(store, spec({ due: { inMs: 1_000 } }))
    expect(await exchange(store, { tasksMax: 1 })).toMatchObject({ now: START, claims: [], nextInMs: 1_000 })
    store.shiftClock(1_000)
    const { claims } = await exchange(store, { tasksMax: 1 })
    expect(claims).toMatchObject([{ runAt: START + 1_000, claimedAt: START + 1_000 }])
  })

  test('a clock that jumps back stands still until its time comes again', async () => {
    const { store, clock } = await bench()
    clock.ms += 10_000
    expect(await store.now()).toBe(START + 10_000)
    clock.ms -= 3_600_000
    store.shiftClock(-5)
    expect(await store.now()).toBe(START + 10_000)
    clock.ms += 3_600_000
    expect(await store.now()).toBe(START + 10_000)
    clock.ms += 6
    expect(await store.now()).toBe(START + 10_001)
  })

  test('a lease that lapsed is not revived by a clock that jumps back', async () => {
    const { store, clock } = await bench()
    clock.ms += 3_600_000
    expect((await exchange(store, {})).session).toBe('dead')
    clock.ms -= 3_600_000
    expect((await exchange(store, {})).session).toBe('dead')
  })
})

describe('answers and requests share nothing with the store', () => {
  test('a request that is changed later changes nothing', async () => {
    const { store } = await bench()
    const tags = ['a']
    const metadata = { customer: '42' }
    const policy = { retry: { kind: 'delays' as const, delaysMs: [1, 2] } }
    const payload = Uint8Array.of(0, 1, 2)
    const task = spec({ tags, metadata, policy, payload })
    await add(store, task)
    tags.push('b')
    metadata.customer = '43'
    policy.retry.delaysMs.push(3)
    payload.fill(9)
    expect(await store.get([task.id])).toMatchObject([
      {
        tags: ['a'],
        metadata: { customer: '42' },
        policy: { retry: { delaysMs: [1, 2] } },
        payload: Uint8Array.of(0, 1, 2),
      },
    ])
  })

  test('bytes that went out are the caller’s', async () => {
    const { store } = await bench()
    const task = spec({ payload: Uint8Array.of(0, 1, 2) })
    await add(store, task)
    const [claim] = (await exchange(store, { tasksMax: 1 })).claims
    ;(claim!.payload as Uint8Array).fill(9)
    const [record] = await store.get([task.id])
    expect(record?.payload).toEqual(Uint8Array.of(0, 1, 2))
  })

  test('an answer stays what it was', async () => {
    const { store, clock } = await bench()
    const task = spec()
    await add(store, task)
    const [before] = await store.get([task.id])
    const [listed] = (await store.list({ filter: {}, limit: 1, cursor: null })).tasks
    const copies = structuredClone([before, listed])
    clock.ms += 1_000
    const [claim] = (await exchange(store, { tasksMax: 1 })).claims
    const counters = structuredClone(claim!.counters)
    const fence = { task: task.id, epoch: claim!.epoch, nonce: claim!.nonce }
    const error = { name: 'Error', message: 'it broke', code: null, stack: null }
    const logs = [{ at: 1, level: 'info' as const, message: 'said', data: null }]
    const notes = { progress: { fraction: 0.5, message: null }, logs }
    const transition = { to: 'pending', count: 'failure', delayMs: 0, error } as const
    await exchange(store, { settlements: [{ fence, seq: 1, transition, notes }] })
    expect([before, listed]).toEqual(copies)
    expect(claim!.counters).toEqual(counters)
  })

  test('an answer cannot reach into the store', async () => {
    const { store } = await bench()
    const task = spec({ tags: ['a'] })
    await add(store, task)
    const [record] = await store.get([task.id])
    const copy = structuredClone(record)
    expect(() => (record!.tags as string[]).push('b')).toThrow(TypeError)
    ;(record!.history as unknown[]).length = 0
    ;(record!.counters as { claims: number }).claims = 7
    expect(await store.get([task.id])).toEqual([copy])
  })
})

describe('refusals', () => {
  test('a cursor that the store never gave is refused', async () => {
    const { store } = await bench()
    const request = { filter: {}, limit: 1, cursor: 'elsewhere' }
    await expect(store.list(request)).rejects.toMatchObject({ code: 'invalid-argument' })
  })
})

describe('gates', () => {
  test('a gate that is named by duplicates alone can be opened, one that nobody named is gone', async () => {
    const { store } = await bench()
    const task = spec()
    await add(store, task)
    await store.add({ groups: [{ tasks: [task], under: null, gate: 'named' }], again: true })
    expect(await store.openGate('named')).toBe('open')
    expect(await store.openGate('unnamed')).toBe('gone')
  })
})

describe('hints', () => {
  test('the first says that everything may have changed, later ones are merged while nobody reads', async () => {
    const { store } = await bench()
    const hints = store.watch()
    expect(await hints.next()).toEqual({
      done: false,
      value: { ready: true, settled: true, cancel: true, schedules: true },
    })
    await add(store, spec())
    const [claim] = (await exchange(store, { tasksMax: 1 })).claims
    const target = { ids: [claim!.id] }
    const command = { kind: 'cancel', reason: null } as const
    await store.command({ nonce: 'c', command, target, tasksMax: 1 })
    expect((await hints.next()).value).toEqual({
      ready: true,
      settled: false,
      cancel: true,
      schedules: false,
    })
  })

  test('one that waits hears at once, and all end with the store', async () => {
    const { store } = await bench()
    const heard: Hint[] = []
    const reading = (async () => {
      for await (const hint of store.watch()) heard.push(hint)
    })()
    const left = store.watch()
    await left.return?.()
    expect(await left.next()).toEqual({ done: true, value: undefined })
    await add(store, spec())
    await store.close()
    await reading
    expect(heard.length).toBeGreaterThan(0)
  })
})

describe('orders', () => {
  /** Numbers that look random, the same each time. */
  function* numbers(): Generator<number, never> {
    for (let state = 1; ; state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) yield state >>> 8
  }

  test('a schedule gives the earliest first, and forgets what was removed', () => {
    const draw = numbers()
    const schedule = new Schedule<number>()
    const entries = Array.from({ length: 2_000 }, (_, seq) => schedule.add(draw.next().value % 300, seq, seq))
    const kept = entries.filter((entry) => {
      const keep = draw.next().value % 3 > 0
      if (!keep) schedule.remove(entry)
      return keep
    })
    const taken: typeof entries = []
    for (let first = schedule.first(); first !== undefined; first = schedule.first()) {
      taken.push(first)
      schedule.remove(first)
    }
    expect(taken).toEqual(kept.toSorted((a, b) => a.at - b.at || a.seq - b.seq))
  })

  test('a timeline is read from any number on, either way, without what was removed', () => {
    const draw = numbers()
    const timeline = new Timeline<number>()
    const all = Array.from({ length: 1_000 }, (_, index) => index * 2)
    for (const number of all) timeline.add(number, number)
    const kept = all.filter((number) => {
      const keep = draw.next().value % 4 === 0
      if (!keep) timeline.remove(number)
      return keep
    })
    for (const from of [-1, 0, 1, 500, 501, 1_998, 5_000]) {
      expect([...timeline.after(from)]).toEqual(kept.filter((number) => number > from))
      expect([...timeline.before(from)]).toEqual(kept.filter((number) => number < from).toReversed())
    }
  })

  test('a deep backlog that a demand cannot take costs its claims nothing', async () => {
    const { store } = await bench()
    const strangers = (type: string): TaskSpec[] => Array.from({ length: 1_000 }, () => spec({ type }))
    for (let round = 0; round < 20; round++) await add(store, ...strangers('unknown'))
    await add(store, spec({ due: { inMs: 500 } }), spec())
    const answer = await exchange(store, { tasksMax: 5 })
    expect(answer.claims).toHaveLength(1)
    expect(answer.nextInMs).toBe(500)
  })
})
