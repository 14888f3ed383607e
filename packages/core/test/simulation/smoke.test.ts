/** A few hundred seeds of the whole machinery on virtual time: chaos first, then healing, then nothing may be amiss. */
import { expect, test } from 'vitest'
import { defineTask, Mill, SnoozeError, unchecked, type Worker } from '../../src/index.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import {
  NO_FAULTS,
  seededRandom,
  simulateProcess,
  VirtualTime,
  type Faults,
} from '../../src/simulation/index.ts'
import type { ExchangeAnswer, ExchangeRequest, Store } from '../../src/store/port.ts'
import type { Fence, TaskRecord } from '../../src/store/records.ts'
import { claimsAddUp } from '../../src/policy/lifecycle.ts'

const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 150)
const TASKS = 40
const CHAOS_MS = 60_000
const HEALING_MS = 600_000

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

interface Job {
  readonly n: number
  readonly does: 'succeeds' | 'fails' | 'fails once' | 'takes long' | 'snoozes once'
}

const job = defineTask('job', {
  input: unchecked<Job>(),
  output: unchecked<number>(),
  retry: { attempts: 4, base: '500ms' },
})

/** One run of the whole machinery; what was amiss at its end. */
async function simulate(
  seed: number,
  storeOf: (store: Store) => Store = (store) => store,
): Promise<string[]> {
  const random = seededRandom(seed)
  const time = new VirtualTime(random)
  const store = new MemoryStore({ platform: time.platform() })
  await store.open()
  let faults: Faults = {
    delayMs: random.between(0, 200),
    lostCalls: random.fraction() * 0.2,
    lostAnswers: random.fraction() * 0.2,
    repeated: random.fraction() * 0.2,
    lostHints: random.fraction(),
  }
  const parts = { time, random, store: storeOf(store), faults: () => faults }

  const snoozed = new Set<number>()
  const handler = job.handler(async ({ does, n }, ctx) => {
    const takesMs = does === 'takes long' ? random.between(1_000, 20_000) : random.between(0, 300)
    await new Promise<void>((resolve) => time.at(time.nowMs + takesMs, resolve))
    if (does === 'snoozes once' && !snoozed.has(n)) {
      snoozed.add(n)
      throw new SnoozeError('5s')
    }
    if (does === 'fails' || (does === 'fails once' && ctx.attempt === 1)) throw new Error('as planned')
    return n
  })
  const startWorker = (): { worker: Worker; kill: () => void } => {
    const process = simulateProcess({ ...parts, wallOffsetMs: random.between(-3_600_000, 3_600_000) })
    const mill = new Mill(process.store, { platform: process.platform, logger: silent })
    const worker = mill.worker({ handlers: handler, concurrency: random.between(1, 5), lease: '3s' })
    worker.on('error', () => undefined)
    void worker.start().catch(() => undefined) // a start may fail for good in the chaos: it is killed later on
    return { worker, kill: () => process.kill() }
  }

  const workers = [startWorker(), startWorker()]
  const kinds: readonly Job['does'][] = ['succeeds', 'fails', 'fails once', 'takes long', 'snoozes once']
  const producer = simulateProcess(parts)
  const mill = new Mill(producer.store, { platform: producer.platform, logger: silent })
  const enqueued: { readonly id: string; readonly does: Job['does'] }[] = []
  const unknown: number[] = []
  for (let n = 0; n < TASKS; n++) {
    const does = kinds[random.between(0, kinds.length - 1)]!
    const parent = enqueued.at(-1)
    const after =
      parent !== undefined && random.chance(0.3) ? [{ task: parent.id, ifFailed: 'run' as const }] : []
    time.at(random.between(0, CHAOS_MS), () => {
      const delay = random.chance(0.3) ? random.between(0, 30_000) : 0
      mill.enqueue(job, { n, does }, { delay, after }).then(
        (handle) => enqueued.push({ id: handle.id, does }),
        () => unknown.push(n),
      )
    })
  }
  for (let kills = random.between(0, 4); kills > 0; kills--) {
    time.at(random.between(0, CHAOS_MS), () => {
      workers.shift()?.kill()
      workers.push(startWorker())
    })
  }
  await time.advance(CHAOS_MS)
  faults = NO_FAULTS
  for (const { kill } of workers) kill()
  startWorker()
  await time.advance(HEALING_MS)

  const amiss: string[] = []
  if (enqueued.length + unknown.length !== TASKS) amiss.push('an enqueue was never answered')
  const records = await store.get(enqueued.map(({ id }) => id))
  for (const [index, record] of records.entries()) amiss.push(...judge(enqueued[index]!.does, record))
  const [queue] = await store.queues()
  const { running, ready, scheduled, blocked } = queue!.counts
  if (running + ready + scheduled + blocked > 0) amiss.push('it did not come to rest')
  return amiss
}

function judge(does: Job['does'], record: TaskRecord | null): string[] {
  if (record === null) return ['a task was lost']
  const amiss: string[] = []
  const state = does === 'fails' ? 'failed' : 'succeeded'
  if (record.state !== state) amiss.push(`${record.id}, which ${does}, is ${record.state}`)
  const failures = does === 'fails' ? 4 : does === 'fails once' ? 1 : 0
  if (record.counters.failures !== failures)
    amiss.push(`${record.id}, which ${does}, has ${record.counters.failures} failures`)
  if (!claimsAddUp(record.counters, state === 'failed' ? 0 : 1))
    amiss.push(`the claims of ${record.id} do not add up`)
  return amiss
}

test(
  `${SEEDS} seeds of chaos come to rest with nothing lost and nothing counted twice`,
  { timeout: 240_000 },
  async () => {
    const amiss: string[] = []
    for (let seed = 1; seed <= SEEDS; seed++) {
      for (const finding of await simulate(seed)) amiss.push(`seed ${seed}: ${finding}`)
    }
    expect(amiss).toEqual([])
  },
)

test('a store that forgets to compare the fence is found out', { timeout: 240_000 }, async () => {
  const amiss: string[] = []
  for (let seed = 1; seed <= 40 && amiss.length === 0; seed++)
    amiss.push(...(await simulate(seed, withoutFences)))
  expect(amiss).not.toEqual([])
})

/** A broken build: every settlement is given the fence that would be valid. */
function withoutFences(store: Store): Store {
  const current = new Map<string, Fence>()
  return new Proxy(store, {
    get(_, name: keyof Store) {
      const member = store[name]
      if (typeof member !== 'function') return member
      if (name !== 'exchange') return member.bind(store)
      return async (request: ExchangeRequest): Promise<ExchangeAnswer> => {
        const settlements = request.settlements.map((settlement) => {
          const fence = current.get(settlement.fence.task) ?? settlement.fence
          return {
            ...settlement,
            fence,
            seq: fence === settlement.fence ? settlement.seq : settlement.seq + 1_000,
          }
        })
        const answer = await store.exchange({ ...request, settlements })
        for (const { id, epoch, nonce } of answer.claims) current.set(id, { task: id, epoch, nonce })
        return answer
      }
    },
  })
}
