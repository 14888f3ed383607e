/** One of the two stores that a life is played on, and what its answers look like when they are compared. */
import { UNIT } from './steps.ts'
import type { BudgetScope } from '../store/budgets.ts'
import type { Store } from '../store/port.ts'
import type { Claim, Fence, TaskId } from '../store/records.ts'

/** A fresh store that a life is played on, and what the play needs beside it. */
export interface ModelHome {
  /** Opened. */
  readonly store: Store
  shiftClock(ms: number): Promise<void> | void
  close(): Promise<void>
}

/** Names a holding the same way on both sides. */
export function holdingKey(task: TaskId, nonce: string): string {
  return `${task} ${nonce}`
}

export class Side {
  readonly store: Store
  readonly #home: ModelHome
  /** Store time at the beginning. */
  readonly base: number
  readonly #fences = new Map<string, Fence>()
  #snapshots = 0

  private constructor(home: ModelHome, base: number) {
    this.#home = home
    this.store = home.store
    this.base = base
  }

  static async of(home: ModelHome): Promise<Side> {
    return new Side(home, await home.store.now())
  }

  async pass(units: number): Promise<void> {
    await this.#home.shiftClock(units * UNIT)
  }

  /** The time that is so many units after the beginning. */
  at(units: number): number {
    return this.base + units * UNIT
  }

  learn(fence: Fence): void {
    this.#fences.set(holdingKey(fence.task, fence.nonce), fence)
  }

  /** The fence of a holding as this store issued it. */
  fence(key: string): Fence {
    const fence = this.#fences.get(key)
    if (fence === undefined) throw new Error(`no fence of ${key}`)
    return fence
  }

  /** Carries out all duties to their end, so that it does not matter how much each operation left to them. */
  async settleDown(): Promise<void> {
    const { store } = this
    const retention = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }
    const duties = [
      () => store.sweep({ tasksMax: 1_000 }),
      () => store.deliver({ tasksMax: 1_000 }),
      () => store.prune({ tasksMax: 1_000, retention }),
    ]
    for (const duty of duties) {
      for (let calls = 0; (await duty()).more; calls++) {
        if (calls > 100) throw new Error('the upkeep never comes to an end')
      }
    }
  }

  /** All that readers see of these tasks and of their queues. */
  async snapshot(ids: readonly TaskId[]): Promise<unknown> {
    const { store } = this
    const [records, outcomes, standing, queues, sessions, limits, usage, now] = await Promise.all([
      store.get(ids),
      store.outcomes({ ids, bytesMax: 1_000_000 }),
      // of one of them, the next one each time: asking for all of them would be most of what a life does
      store.standing({ id: ids[this.#snapshots++ % ids.length]!, countMax: 1_000 }),
      store.queues(),
      store.sessions(),
      store.limits({ names: null, limit: 100, cursor: null, keysMax: 100 }),
      store.usage(SCOPES.map((scope) => ({ scope, window: null }))),
      store.now(),
    ])
    // whether an empty queue or a lapsed session is shown is left to the store
    const busy = queues.filter(
      ({ paused, counts }) => paused || Object.values(counts).some((count) => count > 0),
    )
    const alive = sessions.filter(({ expiresAt }) => expiresAt > now)
    return this.normal({
      records,
      outcomes,
      standing,
      queues: busy.toSorted((a, b) => compare(a.queue, b.queue)),
      sessions: alive.toSorted((a, b) => compare(a.session, b.session)),
      usage: usage.usages,
      // for how long a key without a setting is shown is left to the store
      limits: limits.limits
        .filter(({ version }) => version > 0)
        .map(({ keys, ...limit }) => ({ ...limit, keys: keys.filter(({ used }) => used > 0) })),
    })
  }

  /** The ids of all tasks, by list; final ones are looked at in their order. */
  async listed(): Promise<unknown> {
    const ids: TaskId[] = []
    let cursor: string | null = null
    do {
      const answer: Awaited<ReturnType<Store['list']>> = await this.store.list({
        filter: {},
        limit: 5,
        cursor,
      })
      ids.push(...answer.tasks.map((task) => task.id))
      cursor = answer.next
    } while (cursor !== null)
    return ids.toSorted(compare)
  }

  /** Times in units since the beginning, and without what is left to the store. */
  normal(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((member) => this.normal(member))
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    const members = Object.entries(value).flatMap(([key, member]: [string, unknown]) => {
      if (LEFT_TO_THE_STORE.has(key)) return []
      return [[key, TIMES.has(key) ? this.#units(member) : this.normal(member)] as const]
    })
    return Object.fromEntries(members)
  }

  #units(time: unknown): unknown {
    return typeof time === 'number' ? Math.floor((time - this.base) / UNIT) : time
  }
}

export function byId<T extends Pick<Claim, 'id'>>(claims: readonly T[]): readonly T[] {
  return claims.toSorted((a, b) => compare(a.id, b.id))
}

export function byTask<T extends { readonly fence: Fence }>(tasks: readonly T[]): readonly T[] {
  return tasks.toSorted((a, b) => compare(a.fence.task, b.fence.task))
}

export function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

const SCOPES: readonly BudgetScope[] = [
  { kind: 'queue', name: 'a' },
  { kind: 'queue', name: 'keyed' },
  { kind: 'partition', name: 'p' },
  { kind: 'partition', name: 'q' },
]

/** How many of its own level come before a task is so, too: what is due in the same unit may be so at one time, or at two. */
const LEFT_TO_THE_STORE: ReadonlySet<string> = new Set([
  'same',
  'cursor',
  'turn',
  'nextInMs',
  'undelivered',
  'detail',
  'arrivalAt',
  'shutUntil',
])

const TIMES: ReadonlySet<string> = new Set([
  'now',
  'at',
  'enqueuedAt',
  'runAt',
  'startedAt',
  'claimedAt',
  'finishedAt',
  'startBy',
  'deadlineAt',
  'openedAt',
  'since',
  'expiresAt',
  'oldestReadyAt',
  'dueBy',
  'configuredAt',
])
