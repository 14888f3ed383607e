/** Tasks that something keeps whatever workers there are. */
import { DAY, HOUR, MINUTE } from '../../packages/core/src/conformance/scene.ts'
import { ERROR, crash, fail, retry, snooze } from '../../packages/core/src/conformance/worker.ts'
import type { Situation } from './situation.ts'

const BLOCKED = 'blocked'
const FREE = { partition: null, fifo: false, limits: [], prefers: [], spillMs: 0 } as const

export const waiting: readonly Situation[] = [
  {
    name: 'it is due later',
    prepare: async (scene) => {
      await scene.worker()
      const id = await scene.enqueue({ due: { inMs: 2 * HOUR } })
      const dueAt = (await scene.look(id)).runAt
      return {
        id,
        state: 'scheduled',
        clauses: [{ code: 'due-later', dueAt }],
        says: /^It is due in 2 h\.$/,
        startsInMs: 2 * HOUR,
        bound: 'at least',
      }
    },
  },
  {
    name: 'it is due later, and nobody is there either',
    prepare: async (scene) => {
      const id = await scene.enqueue({ due: { inMs: HOUR } })
      return {
        id,
        state: 'scheduled',
        clauses: [{ code: 'due-later' }, { code: 'no-worker', sentence: 'No worker is there.' }],
        says: /^It is due in/,
      }
    },
  },
  {
    name: 'it is held',
    prepare: async (scene) => {
      await scene.worker()
      const id = await scene.enqueue()
      await scene.command({ kind: 'hold' }, id)
      const { at } = (await scene.look(id)).history.at(-1)!
      await scene.pass(5 * MINUTE)
      const says = /^It was put on hold 5 m( \d+ s)? ago, and starts only after it was released\.$/
      return { id, state: 'held', clauses: [{ code: 'held', at }], says }
    },
  },
  {
    name: 'it was held from the beginning',
    prepare: async (scene) => {
      await scene.worker()
      const id = await scene.enqueue({ held: true })
      return { id, state: 'held', clauses: [{ code: 'held', at: null }], says: /^It is on hold, and starts/ }
    },
  },
  {
    name: 'its queue is paused',
    prepare: async (scene) => {
      await scene.worker()
      const id = await scene.enqueue()
      await scene.store.configureQueue({ queue: 'default', paused: true, by: 'ada@host: the database moves' })
      await scene.pass(3 * DAY)
      await scene.worker()
      const clause = { code: 'queue-paused', queue: 'default', by: 'ada@host: the database moves' } as const
      return {
        id,
        state: 'ready',
        clauses: [clause],
        says: /^The queue default was paused 3 d ago by ada@host: the database moves, and gives nothing until it is resumed\.$/,
        position: { higher: 0, same: 0, counted: 'all' },
      }
    },
  },
  {
    name: 'it waits for tasks',
    prepare: async (scene) => {
      await scene.worker({ types: ['work', 'other'] })
      const [one, other] = [await scene.enqueue(), await scene.enqueue({ due: { inMs: HOUR } })]
      const done = await scene.enqueue({ type: 'other' })
      const after = [one, other, done].map((parent) => ({ parent, ifFailed: 'cancel' }) as const)
      const id = await scene.enqueue({ after })
      const worker = await scene.worker({ types: ['other'] })
      await worker.end(await worker.claimOne({ types: ['other'] }))
      await scene.deliver()
      const parents = [one, other].map((parent) => ({ id: parent, state: 'pending', ifFailed: 'cancel' }))
      return {
        id,
        state: BLOCKED,
        clauses: [{ code: 'waits-for', parents, count: 2 }],
        says: new RegExp(`^It waits for task ${one} \\(pending\\) and task ${other} \\(pending\\)\\.$`),
      }
    },
  },
  {
    name: 'it waits for very many tasks',
    prepare: async (scene) => {
      const parents = await scene.enqueueMany(14)
      const id = await scene.enqueue({ after: parents.map((parent) => ({ parent, ifFailed: 'run' })) })
      return {
        id,
        state: BLOCKED,
        clauses: [{ code: 'waits-for', count: 14 }, { code: 'no-worker' }],
        says: /\(pending\) and 4 tasks more\.$/,
      }
    },
  },
  {
    name: 'it is there for a failure',
    prepare: async (scene) => {
      await scene.worker()
      const parent = await scene.enqueue()
      const id = await scene.enqueue({ after: [{ parent, ifFailed: 'trigger' }] })
      return {
        id,
        state: BLOCKED,
        clauses: [{ code: 'waits-for', count: 1 }],
        says: /\(pending\) to fail\.$/,
      }
    },
  },
  {
    name: 'it belongs to a bulk that is not complete',
    prepare: async (scene) => {
      await scene.worker()
      const spec = scene.spec()
      await scene.addAll([spec], { gate: 'large' })
      const clauses = [{ code: 'gate', gate: 'large' } as const]
      return { id: spec.id, state: BLOCKED, clauses, says: /a large bulk that is not written to its end/ }
    },
  },
  {
    name: 'another one comes first in strict order',
    prepare: async (scene) => {
      const lane = { ...FREE, partition: 'acme', fifo: true }
      const [first, id] = await scene.enqueueMany(2, { lane })
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), retry(HOUR))
      const clause = {
        code: 'strict-order',
        partition: 'acme',
        behind: { id: first, state: 'pending' },
      } as const
      return {
        id: id!,
        state: 'ready',
        clauses: [clause],
        says: new RegExp(
          `^Its partition acme is in strict order, and task ${first} \\(pending\\) comes first\\.$`,
        ),
      }
    },
  },
  {
    name: 'it waits after a failure',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), retry(HOUR))
      const error = { name: ERROR.name, message: ERROR.message }
      return {
        id,
        state: 'scheduled',
        clauses: [{ code: 'backoff', attempt: 2, attempts: 3, error }],
        says: /attempt 2 of 3 is due in 1 h\. The last one failed with Error: it broke\.$/,
        startsInMs: HOUR,
        bound: 'at least',
      }
    },
  },
  {
    name: 'it waits after crashes, and is suspect',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), crash())
      await worker.end(await worker.claimOne(), crash('crash', HOUR))
      return {
        id,
        state: 'scheduled',
        clauses: [
          { code: 'crash-backoff', crashes: 2 },
          { code: 'suspect', crashes: 2 },
        ],
        says: /^What ran it ended in the middle \(2 times so far\); it is due again in/,
        startsInMs: HOUR,
        bound: 'at least',
      }
    },
  },
  {
    name: 'its handler put it off',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), snooze(HOUR))
      const clauses = [{ code: 'snoozed' } as const]
      return { id, state: 'scheduled', clauses, says: /put it off/, startsInMs: HOUR, bound: 'at least' }
    },
  },
  {
    name: 'it should have started by now',
    prepare: async (scene) => {
      await scene.worker({ ttlMs: DAY })
      const id = await scene.enqueue({ startByMs: HOUR })
      await scene.pass(2 * HOUR)
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'time-over', limit: 'startBy' }],
        says: /^It should have started by now: its time to do so ended 1 h ago/,
        position: { higher: 0, same: 0, counted: 'all' },
      }
    },
  },
  {
    name: 'it lost its key while it ran',
    prepare: async (scene) => {
      const unique = { key: 'report:7', while: 'waiting', then: 'keep' } as const
      const worker = await scene.worker()
      const id = await scene.enqueue({ unique })
      const claim = await worker.claimOne()
      const other = await scene.enqueue({ unique })
      await worker.end(claim, retry(HOUR))
      return {
        id,
        state: 'scheduled',
        clauses: [
          { code: 'backoff' },
          { code: 'key-held', by: { id: other, state: 'pending' }, key: 'report:7' },
        ],
        says: /^It waits after a failure/,
        startsInMs: HOUR,
        bound: 'at least',
      }
    },
  },
  {
    name: 'what it waited for has failed, and the task goes on with that',
    prepare: async (scene) => {
      const parent = await scene.enqueue()
      const id = await scene.enqueue({ after: [{ parent, ifFailed: 'run' }] })
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), fail())
      await scene.deliver()
      return {
        id,
        state: 'ready',
        clauses: [{ code: 'next' }],
        says: /^Nothing keeps it/,
        position: { higher: 0, same: 0, counted: 'all' },
        startsInMs: 0,
        bound: 'about',
      }
    },
  },
]
