/** A few hundred seeds of the whole machinery on virtual time: chaos first, then healing, then nothing may be amiss. */
import { expect, test } from 'vitest'
import { defineTask, Mill, SnoozeError, unchecked, type Worker } from '../../src/index.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { NO_FAULTS, seededRandom, simulateProcess, VirtualTime, type Faults } from '../../src/simulation/index.ts'
import { claimsAddUp } from '../../src/policy/lifecycle.ts'

const SEEDS = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 150)
const TASKS = 40
const CHAOS_MS = 60_000
const HEALING_MS = 600_000

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

interface Job {
  readonly n: number
  readonly does: 'succeeds' | 'fails' | 'fails once' | 'takes long' | 'snoozes once'
}

const job = defineTask('job', { input: unchecked<Job>(), output: unchecked<number>(), retry: { attempts: 4, base: '500ms' } })

async function simulate(seed: number): Promise<void> {
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
  const parts = { time, random, store, faults: () => faults }

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
    const { platform, store: line, kill } = simulateProcess({ ...parts, wallOffsetMs: random.between(-3_600_000, 3_600_000) })
    const mill = new Mill(line, { platform, logger: silent })
    const worker = mill.worker({ handlers: handler, concurrency: random.between(1, 5), lease: '3s' })
    worker.on('error', () => undefined)
    void worker.start().catch(() => undefined) // a start may fail for good in the chaos: it is killed later on
    return { worker, kill }
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
    const after = parent !== undefined && random.chance(0.3) ? [{ task: parent.id, ifFailed: 'run' as const }] : []
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

  expect(enqueued.length + unknown.length).toBe(TASKS)
  const records = await store.get(enqueued.map(({ id }) => id))
  for (const [index, record] of records.entries()) {
    const { does } = enqueued[index]!
    expect(record?.state).toBe(does === 'fails' ? 'failed' : 'succeeded')
    const counted = record!.state === 'failed' ? 0 : 1
    expect(claimsAddUp(record!.counters, counted)).toBe(true)
    expect(record!.counters.failures).toBe(does === 'fails' ? 4 : does === 'fails once' ? 1 : 0)
  }
  const [queue] = await store.queues()
  expect(queue!.counts.running + queue!.counts.ready + queue!.counts.scheduled + queue!.counts.blocked).toBe(0)
}

test(`${SEEDS} seeds of chaos come to rest with nothing lost and nothing counted twice`, { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      await simulate(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})
