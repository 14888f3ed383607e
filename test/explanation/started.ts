/** Tasks that run, have ended, or are not there. */
import { DAY, HOUR, MINUTE } from '../../packages/core/src/conformance/scene.ts'
import { crash, ERROR, fail, goOn, notes } from '../../packages/core/src/conformance/worker.ts'
import type { Situation } from './situation.ts'

const BROKEN = { name: ERROR.name, message: ERROR.message }

const running: readonly Situation[] = [
  {
    name: 'it runs',
    prepare: async (scene) => {
      const id = await scene.enqueue({ timeoutMs: 2 * HOUR })
      const worker = await scene.worker({ host: 'mill-7', pid: 42, ttlMs: DAY })
      const claim = await worker.claimOne()
      await worker.settle(claim, goOn(), notes(0.25))
      await scene.pass(10 * MINUTE)
      const { session } = worker
      return {
        id,
        state: 'running',
        clauses: [
          { code: 'running', session, host: 'mill-7', pid: 42, attempt: 1, attempts: 3 },
          { code: 'progress', fraction: 0.25, message: null },
          { code: 'time-limit', limit: 'timeout', at: claim.claimedAt + 2 * HOUR },
        ],
        says: /^It has been running for 10 m( \d s)?: attempt 1 of 3, on worker \S+ \(mill-7, process 42\), whose lease ends in (1 d|24 h|23 h) unless/,
      }
    },
  },
  {
    name: 'it was asked to stop',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.claimOne()
      await scene.cancel(id, 'not needed')
      return {
        id,
        state: 'running',
        clauses: [{ code: 'cancel-requested', reason: 'not needed' }, { code: 'running' }],
        says: /^It was asked to stop .*: not needed; its worker hears of that with its next renewal\.$/,
      }
    },
  },
  {
    name: 'its worker is gone',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker({ ttlMs: MINUTE })
      await worker.claimOne()
      await scene.pass(2 * MINUTE)
      return {
        id,
        state: 'running',
        clauses: [{ code: 'lease-lapsed', session: worker.session }],
        says: /^It was being run by a worker whose lease is over/,
      }
    },
  },
]

const ended: readonly Situation[] = [
  {
    name: 'it succeeded',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      const claim = await worker.claimOne()
      await scene.pass(5 * MINUTE)
      await worker.end(claim)
      await scene.pass(10 * MINUTE)
      return {
        id,
        state: 'succeeded',
        clauses: [{ code: 'succeeded', attempt: 1 }],
        says: /^It succeeded 10 m ago with attempt 1, which took 5 m( \d s)?\.$/,
      }
    },
  },
  {
    name: 'its last attempt failed',
    prepare: async (scene) => {
      const policy = { retry: { kind: 'fixed', attempts: 1, baseMs: 1 } } as const
      const unique = { key: 'invoice:7', while: 'live', then: 'keep' } as const
      const id = await scene.enqueue({ policy, unique })
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), fail())
      const other = await scene.enqueue({ unique })
      return {
        id,
        state: 'failed',
        clauses: [
          { code: 'failed', reason: 'error', attempt: 1, attempts: 1, error: BROKEN },
          { code: 'key-held', key: 'invoice:7', by: { id: other, state: 'pending' } },
        ],
        says: /^It failed .*: attempt 1, the last of 1, ended with Error: it broke\.$/,
      }
    },
  },
  {
    name: 'its error was not to be retried',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), fail())
      const clauses = [{ code: 'failed', reason: 'error', attempt: 1, attempts: 3, error: BROKEN } as const]
      return {
        id,
        state: 'failed',
        clauses,
        says: /attempt 1 of 3 ended with Error: it broke\. By that error/,
      }
    },
  },
  {
    name: 'it crashed what ran it again and again',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), crash('isolated-crash'))
      const failed = { to: 'failed', count: 'isolated-crash', reason: 'crashed', error: ERROR } as const
      await worker.end(await worker.claimOne(), failed)
      const clauses = [{ code: 'failed', reason: 'crashed', crashes: 2 } as const]
      return { id, state: 'failed', clauses, says: /it crashed what ran it 2 times, and nothing else/ }
    },
  },
  {
    name: 'it was not started in time',
    prepare: async (scene) => {
      const id = await scene.enqueue({ startByMs: MINUTE })
      await scene.pass(2 * MINUTE)
      await scene.sweep()
      const clauses = [{ code: 'failed', reason: 'expired', attempt: 0 } as const]
      return { id, state: 'failed', clauses, says: /it was not started in time \(startBy\)\.$/ }
    },
  },
  {
    name: 'its deadline passed',
    prepare: async (scene) => {
      const id = await scene.enqueue({ deadlineMs: MINUTE })
      await scene.pass(2 * MINUTE)
      await scene.sweep()
      const clauses = [{ code: 'failed', reason: 'timeout', timedOut: 'deadline' } as const]
      return { id, state: 'failed', clauses, says: /its deadline passed before it was done\.$/ }
    },
  },
  {
    name: 'its attempt took too long',
    prepare: async (scene) => {
      const id = await scene.enqueue({ timeoutMs: MINUTE })
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), {
        to: 'failed',
        count: 'failure',
        reason: 'timeout',
        error: ERROR,
      })
      const clauses = [{ code: 'failed', reason: 'timeout', timedOut: 'attempt' } as const]
      return { id, state: 'failed', clauses, says: /attempt 1 of 3 took longer than it may\.$/ }
    },
  },
  {
    name: 'a task that it needed failed',
    prepare: async (scene) => {
      const parent = await scene.enqueue()
      const id = await scene.enqueue({ after: [{ parent, ifFailed: 'fail' }] })
      const worker = await scene.worker()
      await worker.end(await worker.claimOne(), fail())
      await scene.deliver()
      const parents = [{ id: parent, state: 'failed', ifFailed: 'fail' }]
      return {
        id,
        state: 'failed',
        clauses: [
          { code: 'failed', reason: 'dependency' },
          { code: 'parents-unsuccessful', parents, count: 1 },
        ],
        says: /a task that it needed did not succeed\.$/,
      }
    },
  },
  {
    name: 'a task that it waited for was cancelled',
    prepare: async (scene) => {
      const parent = await scene.enqueue()
      const id = await scene.enqueue({ after: [{ parent, ifFailed: 'cancel' }] })
      await scene.cancel(parent)
      await scene.deliver()
      const parents = [{ id: parent, state: 'cancelled', ifFailed: 'cancel' }]
      return {
        id,
        state: 'cancelled',
        clauses: [
          { code: 'cancelled', cause: 'parents' },
          { code: 'parents-unsuccessful', parents, count: 1 },
        ],
        says: /because of how tasks ended that it waited for\.$/,
      }
    },
  },
  {
    name: 'it was cancelled',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      await scene.cancel(id, 'a mistake')
      const clauses = [{ code: 'cancelled', cause: 'request', reason: 'a mistake' } as const]
      return { id, state: 'cancelled', clauses, says: /on request: a mistake\.$/ }
    },
  },
  {
    name: 'another one took its place',
    prepare: async (scene) => {
      const unique = { key: 'k', while: 'live', then: 'replace' } as const
      const id = await scene.enqueue({ unique })
      const by = await scene.enqueue({ unique })
      return {
        id,
        state: 'cancelled',
        clauses: [
          { code: 'cancelled', cause: 'replaced', by },
          { code: 'key-held', key: 'k', by: { id: by, state: 'pending' } },
        ],
        says: new RegExp(`because task ${by} with the same unique key took its place\\.$`),
      }
    },
  },
]

const absent: readonly Situation[] = [
  {
    name: 'it was removed',
    prepare: async (scene) => {
      const id = await scene.enqueue()
      await scene.cancel(id)
      await scene.remove(id)
      const clauses = [{ code: 'removed', state: 'cancelled' } as const]
      return { id, state: 'removed', clauses, says: /before that it was cancelled\.$/ }
    },
  },
  {
    name: 'nobody knows of it',
    prepare: async (scene) => {
      const id = scene.id()
      const clauses = [{ code: 'unknown' } as const]
      return { id, state: 'unknown', clauses, says: /^The store holds no such task/ }
    },
  },
]

export const started: readonly Situation[] = [...running, ...ended, ...absent]
