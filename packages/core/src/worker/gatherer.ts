/**
 * Gathers claims into batches: until one is full, or the first of it has waited long enough. What waits here is held
 * under its lease. For each handler one slot is kept as long as anything waits, so that others never take them all.
 */
import { InvalidArgumentError } from '../task/errors.ts'
import { shown } from '../task/shown.ts'
import { outcomeOfThrown, unusable, type Attempted } from './attempt.ts'
import { Batch, type BatchItem } from './batch.ts'
import { inputOf } from './input.ts'
import type { BatchHandler } from '../task/batch.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { Connection } from '../client/connection.ts'
import type { Timer } from '../platform/platform.ts'
import type { Run } from './run.ts'

/** How fast the average size of batches follows what comes. */
const AVERAGE_WEIGHT = 0.25

export interface GathererParts {
  readonly connection: Connection
  readonly handlers: readonly BatchHandler[]
  /** A batch is to be run. */
  gathered(batch: Batch): void
  /** It can be in no batch. */
  refused(run: Run, attempted: Attempted): void
}

/** A batch to be. */
interface Group {
  readonly handler: BatchHandler
  readonly queue: string
  readonly items: BatchItem[]
  readonly timer: Timer
}

/** What waits of one handler in one queue. */
export interface Gathering {
  /** Batches to be. */
  readonly batches: number
  /** How many tasks more fit into them. */
  readonly room: number
}

/** The batch handler of a task's type, if there is one. */
export function isBatchHandler(handler: AnyHandler): handler is BatchHandler {
  return 'batch' in handler
}

export class Gatherer {
  readonly #parts: GathererParts
  readonly #handlers: ReadonlyMap<string, BatchHandler>
  readonly #groups = new Map<string, Group>()
  /** Runs whose inputs are not at hand yet. */
  readonly #preparing = new Map<Run, BatchHandler>()
  /** How large batches were of late. */
  readonly #sizes = new Map<BatchHandler, number>()

  constructor(parts: GathererParts) {
    this.#parts = parts
    this.#handlers = new Map(parts.handlers.map((handler) => [handler.task.name, handler]))
  }

  /** Slots that are kept for what waits here. */
  get slots(): number {
    if (this.#groups.size === 0) return Math.min(this.#preparing.size, 1)
    return new Set(Array.from(this.#groups.values(), ({ handler }) => handler)).size
  }

  slotsOf(queue: string): number {
    const waiting = [...this.#groups.values()].filter((group) => group.queue === queue)
    return new Set(waiting.map(({ handler }) => handler)).size
  }

  gathering(handler: BatchHandler, queue: string): Gathering {
    let batches = 0
    let room = 0
    for (const group of this.#groups.values()) {
      if (group.handler !== handler || group.queue !== queue) continue
      batches += 1
      room += handler.batch.size - group.items.length
    }
    return { batches, room }
  }

  /** How many tasks of a handler wait for their inputs. */
  preparing(handler: BatchHandler): number {
    let count = 0
    for (const one of this.#preparing.values()) if (one === handler) count += 1
    return count
  }

  /** How many tasks are worth having for one call: where they are told apart, about as many as went together of late. */
  worth(handler: BatchHandler): number {
    const { size, by } = handler.batch
    if (by === undefined) return size
    return Math.min(size, Math.max(2, Math.ceil(2 * (this.#sizes.get(handler) ?? size))))
  }

  /** Takes what goes into batches; answers the rest. */
  take(runs: readonly Run[]): readonly Run[] {
    return runs.filter((run) => {
      const handler = this.#handlers.get(run.claim.type)
      if (handler !== undefined) this.#prepare(run, handler)
      return handler === undefined
    })
  }

  /** Gathers nothing more; answers all that waits here. */
  close(): readonly Run[] {
    const runs = [...this.#groups.values()].flatMap(({ timer, items }) => {
      timer.cancel()
      return items.map(({ run }) => run)
    })
    runs.push(...this.#preparing.keys())
    this.#groups.clear()
    this.#preparing.clear()
    return runs
  }

  #prepare(run: Run, handler: BatchHandler): void {
    try {
      const input = inputOf(run, handler.task, this.#parts.connection)
      if (!(input instanceof Promise)) return this.#gather({ run, input }, handler)
      this.#preparing.set(run, handler)
      input.then(
        (value: unknown) => this.#preparing.delete(run) && this.#gather({ run, input: value }, handler),
        (error: unknown) => this.#preparing.delete(run) && this.#parts.refused(run, unusable(error)),
      )
    } catch (error) {
      this.#parts.refused(run, unusable(error))
    }
  }

  #gather(item: BatchItem, handler: BatchHandler): void {
    const { run } = item
    const { queue } = run.claim
    const { size, lingerMs } = handler.batch
    let key
    try {
      key = `${queue}\n${handler.task.name}\n${keyOf(item.input, handler)}`
    } catch (error) {
      this.#parts.refused(run, { outcome: outcomeOfThrown(run, handler.task, error), error })
      return
    }
    let group = this.#groups.get(key)
    if (group === undefined) {
      const timer = this.#parts.connection.platform.setTimer(lingerMs, () => this.#send(key), 'idle')
      this.#groups.set(key, (group = { handler, queue, items: [], timer }))
    }
    group.items.push(item)
    if (group.items.length === size) this.#send(key)
  }

  #send(key: string): void {
    const group = this.#groups.get(key)
    if (group === undefined) return
    const { handler, queue, items, timer } = group
    timer.cancel()
    this.#groups.delete(key)
    const before = this.#sizes.get(handler) ?? handler.batch.size
    this.#sizes.set(handler, before + (items.length - before) * AVERAGE_WEIGHT)
    this.#parts.gathered(new Batch(handler, queue, items))
  }
}

/** What a task of one batch has in common with the others. Its function is the user's, and may fail. */
function keyOf(input: unknown, { task, batch: { by } }: BatchHandler): string {
  if (by === undefined) return ''
  const key = by(input as never)
  if (typeof key === 'string' || typeof key === 'number') return `${typeof key} ${key}`
  throw new InvalidArgumentError(`The \`by\` of the batch of ${task.name} answered ${shown(key)}.`, {
    hint: 'It answers a text or a number.',
  })
}
