/**
 * Stores that are broken on purpose, each in one way, to show that the rig finds it. They wrap a real one; nothing that
 * ships knows of them.
 */
import type { Store } from '@millrace/core'
import { wrapped } from './store-of.ts'

type Wound = (store: Store) => Store

/** Of all times every second one, from the first on. */
function everySecond(): () => boolean {
  let count = 0
  return () => (count += 1) % 2 === 1
}

const WOUNDS = {
  /** Whoever settles under a fence that has passed on is told that it counted. */
  'accepts stale settlements': (store) =>
    wrapped(store, {
      async exchange(request) {
        const answer = await store.exchange(request)
        return {
          ...answer,
          verdicts: answer.verdicts.map((verdict) => (verdict === 'stale' ? 'applied' : verdict)),
        }
      },
    }),
  /** It takes tasks whose lease holds. */
  'takes over from the living': (store) =>
    wrapped(store, {
      async reclaim(request) {
        for (const { session } of await store.sessions())
          if (session !== request.session) await store.closeSession(session)
        return store.reclaim(request)
      },
    }),
  'takes nothing over': (store) =>
    wrapped(store, {
      reclaim: async () => ({ session: 'alive', tasks: [] }),
    }),
  /** It answers before it has written, and never writes. */
  'forgets what it acknowledged': (store) => {
    const now = everySecond()
    return wrapped(store, {
      async add(request) {
        if (!now()) return store.add(request)
        const created = (): { readonly outcome: 'created' } => ({ outcome: 'created' })
        return request.groups.map(({ tasks }) => ({ outcome: 'added', tasks: tasks.map(created) }))
      },
    })
  },
  /** A repeated request is taken for a new one. */
  'adds repeats anew': (store) =>
    wrapped(store, {
      add(request) {
        if (!request.again) return store.add(request)
        const groups = request.groups.map((group) => {
          return { ...group, tasks: group.tasks.map((task) => ({ ...task, id: crypto.randomUUID() })) }
        })
        return store.add({ ...request, groups })
      },
    }),
  /** It judges the due time by the clock of whoever asks. */
  "goes by the caller's clock": (store) =>
    wrapped(store, {
      add(request) {
        const groups = request.groups.map((group) => {
          const tasks = group.tasks.map((task) =>
            'inMs' in task.due ? { ...task, due: { at: Date.now() + task.due.inMs } } : task,
          )
          return { ...group, tasks }
        })
        return store.add({ ...request, groups })
      },
    }),
  /** A schedule goes on although nothing was enqueued, now and then. */
  'fires without a run': (store) => {
    const now = everySecond()
    return wrapped(store, {
      tick: (request) => store.tick(now() ? { ...request, tasks: [], lastAt: null } : request),
    })
  },
  /** All that failed at once is tried again at once. */
  'draws no jitter': (store) =>
    wrapped(store, {
      exchange(request) {
        const settlements = request.settlements.map((one) => {
          const { transition } = one
          if (transition.to !== 'pending' || transition.count !== 'failure') return one
          return { ...one, transition: { ...transition, delayMs: 30_000 } }
        })
        return store.exchange({ ...request, settlements })
      },
    }),
  /** What a worker gives back when it leaves is counted as a crash of the task's. */
  'counts what is returned as crashes': (store) =>
    wrapped(store, {
      exchange(request) {
        const settlements = request.settlements.map((one) => {
          const { transition } = one
          if (transition.to !== 'pending' || transition.count !== 'return') return one
          return { ...one, transition: { ...transition, count: 'crash' as const } }
        })
        return store.exchange({ ...request, settlements })
      },
    }),
  /** Nothing renews a lease while its main thread is blocked. */
  'beats on the main thread alone': (store) => wrapped(store, { elsewhere: 'never' }),
  /** Whoever claims a task is not told that it has crashed before: nothing is ever a suspect. */
  'keeps crashes to itself': (store) =>
    wrapped(store, {
      async exchange(request) {
        const answer = await store.exchange(request)
        const claims = answer.claims.map((claim) => ({
          ...claim,
          counters: {
            ...claim.counters,
            claims: 1 + claim.counters.claims - claim.counters.crashes,
            crashes: 0,
            isolatedCrashes: 0,
          },
        }))
        return { ...answer, claims }
      },
    }),
  /** An attempt that ran out of time is taken for one that succeeded. */
  'lets no time run out': (store) =>
    wrapped(store, {
      exchange(request) {
        const settlements = request.settlements.map((one) => {
          const { transition } = one
          if (transition.to !== 'failed' || transition.reason !== 'timeout') return one
          return { ...one, transition: { to: 'succeeded' as const, result: null } }
        })
        return store.exchange({ ...request, settlements })
      },
    }),
} as const satisfies Record<string, Wound>

export type WoundName = keyof typeof WOUNDS

export function wounded(store: Store, name: WoundName): Store {
  return WOUNDS[name](store)
}
