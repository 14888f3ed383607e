/** Tasks that are due, and that no worker takes now. */
import { DAY, HOUR, MINUTE, SECOND, type Scene } from '../../packages/core/src/conformance/scene.ts'
import { retry } from '../../packages/core/src/conformance/worker.ts'
import type { Allowance, Lane, LaneLimit } from '@millrace/core/store'
import type { Situation } from './situation.ts'

const ALONE = { higher: 0, same: 0, counted: 'all' } as const
const FREE: Lane = { partition: null, fifo: false, limits: [], prefers: [], spillMs: 0 }

function under(...limits: readonly LaneLimit[]): Lane {
  return { ...FREE, limits }
}

async function limit(
  scene: Scene,
  name: string,
  { allowance, shutMs = null }: { readonly allowance: Partial<Allowance>; readonly shutMs?: number | null },
): Promise<void> {
  const whole = { concurrency: null, rate: null, ...allowance }
  const nonce = scene.nonce()
  await scene.store.configureLimit({ nonce, name, version: null, allowance: whole, shutMs, by: 'user' })
}

/** Tasks that took ten minutes each have ended, and so much is known of how long they take. */
async function experience(scene: Scene): Promise<void> {
  await scene.enqueueMany(2)
  const worker = await scene.worker()
  const claims = await worker.claim(2)
  await scene.pass(10 * MINUTE)
  for (const claim of claims) await worker.end(claim)
  await worker.close()
}

/** A task of this lane runs. */
async function startOne(scene: Scene, lane: Lane): Promise<void> {
  await scene.enqueue({ lane })
  const worker = await scene.worker()
  await worker.claimOne()
}

export const ready: readonly Situation[] = [
  {
    name: 'nothing keeps it',
    prepare: async (scene) => {
      await scene.worker()
      return {
        id: await scene.enqueue(),
        state: 'ready',
        clauses: [{ code: 'next' }],
        says: /^Nothing keeps it: it starts as soon as a worker asks for more\.$/,
        position: ALONE,
        startsInMs: 0,
        bound: 'about',
      }
    },
  },
  {
    name: 'nobody is there',
    prepare: async (scene) => {
      const worker = await scene.worker()
      await worker.close()
      const id = await scene.enqueue()
      return { id, state: 'ready', clauses: [{ code: 'no-worker' }], says: /^No worker/, position: ALONE }
    },
  },
  {
    name: 'nobody handles its type',
    prepare: async (scene) => {
      await scene.worker()
      await scene.worker({ types: ['work', 'mail'] })
      const id = await scene.enqueue({ type: 'thumbnail' })
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'type-unhandled', type: 'thumbnail', workers: 2 }],
        says: /^None of the 2 workers that are there handles tasks of the type thumbnail\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'nobody serves its queue',
    prepare: async (scene) => {
      await scene.worker()
      await scene.worker({ types: ['mail'], queues: ['media'] })
      const id = await scene.enqueue({ queue: 'media' })
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'queue-unserved', queue: 'media', workers: 1 }],
        says: /^The only worker that handles its type does not serve the queue media\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'nobody offers what it needs',
    prepare: async (scene) => {
      await scene.worker({ offers: ['eu'] })
      await scene.worker({ offers: ['eu', 'gpu'] })
      const id = await scene.enqueue({ needs: ['eu', 'gpu', 'licence'] })
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'offers-missing', offers: ['licence'], workers: 2 }],
        says: /the nearest lacks licence\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'newer code has enqueued it than any worker has',
    prepare: async (scene) => {
      await scene.worker({ offers: ['work@2', 'gpu'] })
      await scene.worker({ offers: ['work@2'] })
      const policy = { retry: { kind: 'delays', delaysMs: [] }, version: 3 } as const
      const id = await scene.enqueue({ policy, needs: ['gpu', 'work@3'] })
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'version-unknown', version: 3, workers: 2 }],
        says: /^Its input is of version 3, and all 2 workers that handle its type have older code\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'who has its code lacks what it needs',
    prepare: async (scene) => {
      await scene.worker({ offers: ['gpu'] })
      await scene.worker({ offers: ['work@2'] })
      const policy = { retry: { kind: 'delays', delaysMs: [] }, version: 2 } as const
      const id = await scene.enqueue({ policy, needs: ['gpu', 'work@2'] })
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'offers-missing', offers: ['gpu'], workers: 2 }],
        says: /the nearest lacks gpu\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'those who could take it are ending',
    prepare: async (scene) => {
      await scene.worker({ state: 'draining' })
      const { session } = await scene.worker()
      await scene.store.orderSession({ session, end: 'drain' })
      return {
        id: await scene.enqueue(),
        state: 'ready',
        clauses: [{ code: 'workers-draining', workers: 2 }],
        says: /^All 2 workers that could take it are ending/,
        position: ALONE,
      }
    },
  },
  {
    name: 'all handlers are at work',
    prepare: async (scene) => {
      await experience(scene)
      const worker = await scene.worker({ concurrency: 2 })
      await scene.store.orderSession({ session: worker.session, concurrency: 2 })
      await scene.enqueueMany(2)
      await worker.claim(2)
      return {
        id: await scene.enqueue(),
        state: 'ready',
        clauses: [{ code: 'workers-busy', workers: 1, slots: 2, resized: 1 }],
        says: /^All 2 handlers of the 1 worker that could take it are at work; 1 of these workers/,
        position: ALONE,
        startsInMs: 5 * MINUTE,
        bound: 'about',
      }
    },
  },
  {
    name: 'tasks of more weight, and older ones, come before it',
    prepare: async (scene) => {
      await experience(scene)
      await scene.worker({ concurrency: 2 })
      await scene.enqueueMany(3, { level: 0 })
      await scene.enqueueMany(4)
      const id = await scene.enqueue()
      await scene.enqueueMany(2)
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'behind', higher: 3, same: 4, counted: 'all' }],
        says: /^7 tasks of its queue come before it: 3 of higher priority, 4 of its own\.$/,
        position: { higher: 3, same: 4, counted: 'all' },
        startsInMs: 30 * MINUTE,
        bound: 'about',
      }
    },
  },
  {
    name: 'its partition takes turns with others',
    prepare: async (scene) => {
      await scene.worker()
      await scene.store.configurePartition({ partition: 'acme', weight: 4 })
      await scene.enqueue({ lane: { ...FREE, partition: 'other' } })
      const id = await scene.enqueue({ lane: { ...FREE, partition: 'acme' } })
      return {
        id,
        state: 'ready',
        clauses: [
          { code: 'behind', higher: 0, same: 1 },
          { code: 'takes-turns', partition: 'acme', weight: 4 },
        ],
        says: /^1 task of its queue/,
        position: { higher: 0, same: 1, counted: 'all' },
        startsInMs: 0,
        bound: 'about',
      }
    },
  },
  {
    name: 'its limit is full',
    prepare: async (scene) => {
      await limit(scene, 'stripe', { allowance: { concurrency: 1 } })
      const lane = under({ name: 'stripe', key: 'acme', cost: 1 })
      await startOne(scene, lane)
      return {
        id: await scene.enqueue({ lane }),
        state: 'ready',
        clauses: [{ code: 'limit-full', limit: 'stripe', key: 'acme', concurrency: 1, used: 1 }],
        says: /^The limit stripe for "acme" is full: 1 of 1 run\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'the limit of its queue is full, and that of its type',
    prepare: async (scene) => {
      await limit(scene, 'type:work', { allowance: { concurrency: 1 } })
      await limit(scene, 'queue:default', { allowance: { concurrency: 0 } })
      await limit(scene, 'queue:other', { allowance: { concurrency: 1 } })
      const other = await scene.worker({ queues: ['other'] })
      await scene.enqueue({ queue: 'other' })
      await other.claimOne({ queues: [{ queue: 'other', slots: [0, 0, 0, 0, 0], tasksMax: 1 }] })
      await scene.worker()
      return {
        id: await scene.enqueue(),
        state: 'ready',
        clauses: [
          { code: 'limit-full', limit: 'queue:default', key: '', concurrency: 0, used: 0 },
          { code: 'limit-full', limit: 'type:work', key: '', concurrency: 1, used: 1 },
        ],
        says: /^The limit queue:default is full: 0 of 0 run\.$/,
        position: ALONE,
      }
    },
  },
  {
    name: 'its rate is used up',
    prepare: async (scene) => {
      await limit(scene, 'mail', { allowance: { rate: { limit: 1, perMs: HOUR, burst: 1 } } })
      const lane = under({ name: 'mail', key: 'acme', cost: 1 })
      await startOne(scene, lane)
      return {
        id: await scene.enqueue({ lane }),
        state: 'ready',
        clauses: [{ code: 'rate-full', limit: 'mail', key: 'acme', rate: 1, perMs: HOUR }],
        says: /^The rate of mail for "acme" is used up \(1 in 1 h\); there is room for it in 1 h\.$/,
        position: ALONE,
        startsInMs: HOUR,
        bound: 'about',
      }
    },
  },
  {
    name: 'a handler asked to be left alone for its key',
    prepare: async (scene) => {
      await limit(scene, 'mail', { allowance: { concurrency: 5 } })
      const lane = under({ name: 'mail', key: 'acme', cost: 1 })
      await scene.enqueue({ lane })
      const worker = await scene.worker()
      const shut = { name: 'mail', key: 'acme', ms: HOUR }
      await worker.end(await worker.claimOne(), { ...retry(2 * HOUR), shut } as never)
      return {
        id: await scene.enqueue({ lane }),
        state: 'ready',
        clauses: [{ code: 'limit-shut', limit: 'mail', key: 'acme' }],
        says: /^The limit mail for "acme" is shut; it opens in 1 h\.$/,
        position: ALONE,
        startsInMs: HOUR,
        bound: 'about',
      }
    },
  },
  {
    name: 'its breaker is open',
    prepare: async (scene) => {
      await limit(scene, 'breaker:stripe', { allowance: { concurrency: 2 }, shutMs: HOUR })
      await scene.worker()
      return {
        id: await scene.enqueue({ lane: under({ name: 'breaker:stripe', key: '', cost: 1 }) }),
        state: 'ready',
        clauses: [{ code: 'breaker-open', breaker: 'stripe' }],
        says: /^The breaker stripe is open after too many failures; probes begin in 1 h\.$/,
        position: ALONE,
        startsInMs: HOUR,
        bound: 'about',
      }
    },
  },
  {
    name: 'the probes of its breaker run',
    prepare: async (scene) => {
      await limit(scene, 'breaker:stripe', { allowance: { concurrency: 1 } })
      const lane = under({ name: 'breaker:stripe', key: '', cost: 1 })
      await startOne(scene, lane)
      return {
        id: await scene.enqueue({ lane }),
        state: 'ready',
        clauses: [{ code: 'breaker-probing', breaker: 'stripe', probes: 1 }],
        says: /half open, and its 1 probe run/,
        position: ALONE,
      }
    },
  },
  {
    name: 'it is left to other workers for a while',
    prepare: async (scene) => {
      await scene.worker({ offers: ['eu'] })
      const lane = { ...FREE, prefers: ['gpu', 'eu', 'big'], spillMs: HOUR }
      return {
        id: await scene.enqueue({ lane }),
        state: 'ready',
        clauses: [{ code: 'prefers', offers: ['gpu'] }],
        says: /^It is left to workers that offer gpu; others take it in 1 h\.$/,
        position: ALONE,
        startsInMs: HOUR,
        bound: 'about',
      }
    },
  },
  {
    name: 'it comes back from a failure, and its deadline is near',
    prepare: async (scene) => {
      const id = await scene.enqueue({ deadlineMs: HOUR })
      const worker = await scene.worker({ ttlMs: DAY })
      await worker.end(await worker.claimOne(), retry(SECOND))
      await scene.pass(MINUTE)
      const { deadlineAt: at } = await scene.look(id)
      return {
        id,
        state: 'ready',
        clauses: [
          { code: 'next' },
          { code: 'retrying', attempt: 2, attempts: 3, error: { name: 'Error', message: 'it broke' } },
          { code: 'time-limit', limit: 'deadline', at },
        ],
        says: /^Nothing keeps it/,
        position: ALONE,
        startsInMs: 0,
        bound: 'about',
      }
    },
  },
  {
    name: 'much keeps it at once',
    prepare: async (scene) => {
      await limit(scene, 'queue:default', { allowance: { concurrency: 0 } })
      await scene.enqueueMany(2, { level: 1 })
      const id = await scene.enqueue({ level: 3, startByMs: HOUR, needs: ['gpu'] })
      await scene.worker()
      await scene.store.configureQueue({ queue: 'default', paused: true })
      return {
        id,
        state: 'ready',
        clauses: [
          { code: 'queue-paused', by: null },
          { code: 'offers-missing', offers: ['gpu'] },
          { code: 'limit-full', limit: 'queue:default' },
          { code: 'behind', higher: 2, same: 0 },
          { code: 'time-limit', limit: 'startBy' },
        ],
        says: /^The queue default was paused (just now|\d+ m?s ago), and gives nothing/,
        position: { higher: 2, same: 0, counted: 'all' },
      }
    },
  },
]
