/** Puts the larger rooms of a worker together with the others. */
import { breakersOf } from './breakers.ts'
import { WorkerEmitter } from './events.ts'
import { Executor } from './executor.ts'
import { Idleness } from './idleness.ts'
import { toleranceOf } from './tolerance.ts'
import { Upkeep } from '../upkeep/upkeep.ts'
import type { BlockWatch } from './block-watch.ts'
import type { BudgetKeeper } from '../client/budget-keeper.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import type { Exchanger } from './exchanger.ts'
import type { Holdings } from './holdings.ts'
import type { Lease } from './lease.ts'
import type { ResolvedWorkerOptions } from './options.ts'
import type { Plugins } from '../client/plugins.ts'
import type { Run } from './run.ts'
import type { Slots } from './slots.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Tally } from './metrics.ts'
import type { Fence } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

/** Something went wrong that is no task's fault. */
export type Failed = (error: unknown, doing: string) => void

/** Errors that nobody listens for are logged. */
export function newEmitter({ logger, platform }: Connection, plugins: Plugins | undefined): WorkerEmitter {
  return new WorkerEmitter({
    unheard: ({ error, doing }) => logger.error({ err: error }, `${doing} failed`),
    soon: (run) => platform.soon(run),
    overhears: plugins?.listener,
  })
}

export interface ExecutorNeeds {
  readonly connection: Connection
  readonly enqueuer: Enqueuer
  readonly budgets: BudgetKeeper
  readonly options: ResolvedWorkerOptions
  readonly slots: Slots
  readonly emitter: WorkerEmitter
  readonly tally: Tally
  readonly holdings: Holdings
  readonly blockWatch: BlockWatch
  readonly lease: Lease
  /** It is made after the executor. */
  readonly exchanger: () => Exchanger
  readonly released: (run: Run) => void
  readonly plugins: Plugins | undefined
}

export function newExecutor(parts: ExecutorNeeds): Executor {
  const { connection, budgets, options, emitter, tally, holdings, blockWatch, lease, exchanger } = parts
  const { handlers, breakers: rules, isolates, budget } = options
  const failed = (error: unknown): void =>
    emitter.emit('error', { error, doing: 'changing a circuit breaker' })
  const breakers = breakersOf(rules, { connection, handlers, failed })
  return new Executor({
    connection,
    enqueuer: parts.enqueuer,
    handlers,
    slots: parts.slots,
    isolates,
    budget,
    emitter,
    tally,
    tolerance: toleranceOf({ ...options, allow: (ms) => lease.allowBlock(ms) }),
    stretches: blockWatch.stretches,
    ranLong: (unit) => blockWatch.ended(unit),
    checkLease: () => lease.check(),
    settleSoon: (run, when) => exchanger().settleSoon(run, when),
    attempted: (run, outcome, error) => breakers?.note(run, { outcome, error }),
    ran: (run, handlerMs) => {
      tally.took(handlerMs)
      budgets.ran(run.claim, handlerMs)
    },
    abandoned: (run) => holdings.abandon(run),
    freed: () => exchanger().ring(),
    released: parts.released,
    plugins: parts.plugins?.run === true ? parts.plugins : undefined,
  })
}

export interface UpkeepNeeds {
  readonly connection: Connection
  readonly enqueuer: Enqueuer
  readonly options: Pick<ResolvedWorkerOptions, 'handlers'>
  readonly lease: Lease
  readonly emitter: WorkerEmitter
  readonly takenOver: (fence: Fence, transition: Transition) => void
  readonly failed: Failed
}

export function newUpkeep(needs: UpkeepNeeds): Upkeep {
  const { connection, enqueuer, options, lease, emitter, takenOver, failed } = needs
  return new Upkeep({
    connection,
    enqueuer,
    deadLetters: deadLettersOf(options.handlers),
    session: () => lease.session,
    takenOver: ({ fence, type, cause }, transition) => {
      emitter.emit('reclaimed', { id: fence.task, type, cause })
      takenOver(fence, transition)
    },
    stranded: ({ dueSince, ...route }) => emitter.emit('stranded', { ...route, since: new Date(dueSince) }),
    dueSoon: (task) => emitter.emit('dueSoon', { ...task, dueBy: new Date(task.dueBy) }),
    failed,
  })
}

function deadLettersOf(handlers: ResolvedWorkerOptions['handlers']): ReadonlyMap<string, AnyTask> {
  const routes = new Map<string, AnyTask>()
  for (const [type, { task }] of handlers)
    if (task.deadLetter !== undefined) routes.set(type, task.deadLetter)
  return routes
}

export function newIdleness(
  connection: Connection,
  { handlers, queues }: ResolvedWorkerOptions,
  { again, emitter }: { readonly again: () => void; readonly emitter: WorkerEmitter },
): Idleness {
  return new Idleness({
    connection,
    types: new Set(handlers.keys()),
    queues: new Set(queues.keys()),
    again,
    failed: (error) => emitter.emit('error', { error, doing: 'looking for what others run' }),
  })
}
