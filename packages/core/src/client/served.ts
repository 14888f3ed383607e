import type { Admission, BudgetKeeper } from './budget-keeper.ts'
import type { Connection } from './connection.ts'
import type { Logger } from '../task/logger.ts'
import type { Platform } from '../platform/platform.ts'
import type { ResolvedWorkerOptions } from '../worker/options.ts'
import type { Store } from '../store/port.ts'
import type { TaskSpec } from '../store/records.ts'
import type { Worker } from '../worker/worker.ts'

/** What a server gets of the client whose store it stands before. Not for users. */
export interface Served {
  readonly store: Store
  readonly platform: Platform
  readonly logger: Logger
  /** Judges what callers add to the store by its budgets, as this client judges what it enqueues itself. */
  readonly budgets: ServedBudgets
  /** Whether the store counts as down. */
  readonly isDown: boolean
  /**
   * Looks after the store from now on, as every worker does beside its tasks: it takes over what dead workers have held,
   * lets schedules fire, ends what waited too long, tells dependents, and removes what retention lets go. It is a worker
   * that serves no queue, and is seen as such; of several, workers or servers, one leads.
   *
   * @throws StoreError if the store cannot be opened (it can be tried again); ClosedError
   */
  startUpkeep(): Promise<ServedUpkeep>
}

/** The budgets of a store, for those who add to it past the client. Not for users. */
export interface ServedBudgets {
  /**
   * Lets a group in, whole; `undefined`: no budget is in its way. What it says is to be settled once the group was added,
   * or was not.
   *
   * @throws BackpressureError; StoreError if the store has to be asked and does not answer
   */
  admit(tasks: readonly TaskSpec[]): Promise<Admission | undefined> | undefined
}

/** The upkeep of a store, while it goes on. With the client it ends, too. */
export interface ServedUpkeep {
  /** Resolves when what is under way is done, and another may lead. It ends in bounded time also without the store. */
  stop(): Promise<void>
}

/** A worker that runs nothing. */
export const STEWARD: ResolvedWorkerOptions = {
  handlers: new Map(),
  limits: new Map(),
  breakers: new Map(),
  queues: new Map(),
  followers: [],
  concurrency: 1,
  ttlMs: 15_000,
  maxBlockMs: 60_000,
  offers: [],
  name: undefined,
  priorities: undefined,
  drainMs: 0,
  isolates: undefined,
  budget: undefined,
}

export function servedBy(connection: Connection, keeper: BudgetKeeper, newSteward: () => Worker): Served {
  const { store, platform, logger } = connection
  return {
    store,
    platform,
    logger,
    budgets: { admit: (tasks) => keeper.admit(tasks, 'fails fast') },
    get isDown() {
      return connection.isDown
    },
    startUpkeep: async () => {
      const worker = newSteward()
      await worker.start()
      return { stop: () => worker.stop() }
    },
  }
}
