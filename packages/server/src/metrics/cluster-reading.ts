/** What all of a store's workers and queues are like at one moment: plain numbers, read for a scrape. */
import type { Mill } from '@millrace/core'
import type { QueueCounts, ScheduleRecord, SessionRecord, Store, WaitingRoute } from '@millrace/core/store'

/** A number of a queue. */
export interface QueueReading {
  readonly queue: string
  readonly counts: QueueCounts
  /** How long its first ready task has been due, in seconds; 0 if none is. */
  readonly oldestAgeS: number
  readonly paused: boolean
  /** Live workers that serve it, those that drain left out. */
  readonly workers: number
}

export interface LimitReading {
  readonly limit: string
  /** Of the key that is used most: the others have more room. */
  readonly inUse: number
  readonly capacity: number
}

export interface ClusterReading {
  readonly queues: readonly QueueReading[]
  readonly workers: { readonly running: number; readonly draining: number }
  readonly slots: { readonly busy: number; readonly free: number }
  /** Kinds of tasks that are due and that no live worker takes, and for how long the first has been, in seconds. */
  readonly unroutable: readonly { readonly queue: string; readonly type: string; readonly ageS: number }[]
  readonly limits: readonly LimitReading[]
  readonly breakers: readonly {
    readonly breaker: string
    readonly state: 'closed' | 'open' | 'half-open'
  }[]
  /** By how many seconds each schedule that is not paused is late; 0: it is not. */
  readonly schedules: readonly { readonly schedule: string; readonly overdueS: number }[]
}

/** More are not read for a scrape. */
const SCHEDULES_MAX = 1_000

/** @throws StoreError */
export async function readCluster(mill: Mill, store: Store): Promise<ClusterReading> {
  // by the client first, which opens the store, and refuses at once while that is down
  const queues = await mill.queues.list()
  const [sessions, limits, breakers, routes, schedules, now] = await Promise.all([
    store.sessions(),
    mill.limits.list(),
    mill.breakers.list(),
    store.waitingRoutes(),
    store.schedules({ after: null, limit: SCHEDULES_MAX }),
    store.now(),
  ])
  const running = sessions.filter(({ state }) => state === 'running')
  return {
    queues: queues.map(({ queue, counts, oldestReadyAt, paused }) => ({
      queue,
      counts,
      oldestAgeS: secondsSince(oldestReadyAt, now),
      paused,
      workers: running.filter((session) => session.queues.includes(queue)).length,
    })),
    workers: { running: running.length, draining: sessions.length - running.length },
    slots: slotsOf(running),
    unroutable: routes
      .filter((route) => !running.some((session) => takes(session, route)))
      .map(({ queue, type, dueSince }) => ({ queue, type, ageS: secondsSince(dueSince, now) })),
    limits: limits.flatMap(({ name, allowance, keys }) => {
      if (allowance.concurrency === null) return []
      const inUse = Math.max(0, ...keys.map(({ used }) => used))
      return [{ limit: name, inUse, capacity: allowance.concurrency }]
    }),
    breakers: breakers.map(({ name, state }) => ({ breaker: name, state })),
    schedules: schedules.filter(isAwake).map(({ name, nextAt }) => ({
      schedule: name,
      overdueS: secondsSince(nextAt, now),
    })),
  }
}

function slotsOf(sessions: readonly SessionRecord[]): ClusterReading['slots'] {
  let busy = 0
  let free = 0
  for (const { running, concurrency } of sessions) {
    busy += running
    free += Math.max(concurrency - running, 0)
  }
  return { busy, free }
}

function takes(session: SessionRecord, { queue, type, needs }: WaitingRoute): boolean {
  const { queues, types, offers } = session
  return queues.includes(queue) && types.includes(type) && needs.every((need) => offers.includes(need))
}

function isAwake({ paused, nextAt }: ScheduleRecord): boolean {
  return !paused && nextAt !== null
}

function secondsSince(at: number | null, now: number): number {
  return at === null ? 0 : Math.max(now - at, 0) / 1_000
}
