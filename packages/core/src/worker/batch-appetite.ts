/** How much a worker asks for on behalf of a batch handler: what fills its free slots, and the batches that are short. */
import { LIMITS } from '../task/limits.ts'
import { LevelShares } from '../policy/shares.ts'
import { inTurn, tasksAhead, wishFor } from './appetite.ts'
import type { BatchHandler } from '../task/batch.ts'
import type { QueueDemand } from '../store/port.ts'
import type { Expected, Taste, Wish } from './exchanger.ts'
import type { Executor } from './executor.ts'
import type { Gatherer } from './gatherer.ts'
import type { ResolvedWorkerOptions } from './options.ts'

export interface BatchAppetiteParts {
  readonly handler: BatchHandler
  readonly executor: Pick<Executor, 'load' | 'loadOf' | 'averageMs' | 'isQueued'>
  readonly gatherer: Pick<Gatherer, 'gathering' | 'preparing' | 'worth'>
}

export class BatchAppetite implements Taste {
  readonly size: number
  readonly #options: ResolvedWorkerOptions
  readonly #parts: BatchAppetiteParts
  readonly #types: readonly string[]
  readonly #shares: ReadonlyMap<string, LevelShares>
  #queues: readonly string[]

  constructor(options: ResolvedWorkerOptions, parts: BatchAppetiteParts) {
    this.#options = options
    this.#parts = parts
    this.size = parts.handler.batch.size
    this.#types = [parts.handler.task.name]
    this.#queues = [...options.queues.keys()]
    this.#shares = new Map(this.#queues.map((queue) => [queue, new LevelShares(options.priorities)]))
  }

  demand(expected: Expected): Wish | null {
    const { concurrency, offers } = this.#options
    const { handler, executor, gatherer } = this.#parts
    const onTheWay = expected.own + gatherer.preparing(handler)
    const others = expected.slots - Math.ceil(expected.own / this.size)
    const worth = gatherer.worth(handler)
    const waiting = this.#queues.map((queue) => gatherer.gathering(handler, queue).batches)
    const unkept = surplus(waiting.reduce((sum, batches) => sum + batches, 0))
    const free = Math.max(concurrency - executor.load - others - unkept, this.#turn(expected))
    const queues: QueueDemand[] = []
    let most = 0
    for (const [index, queue] of this.#queues.entries()) {
      const slots = this.#options.queues.get(queue)! - executor.loadOf(queue) - surplus(waiting[index]!)
      const rooms = Math.max(Math.min(free, slots), Math.min(this.#turn(expected), free))
      const room = Math.max(rooms, 0) * worth + this.#missing(queue) - onTheWay
      const tasksMax = Math.min(room, LIMITS.batchTasks)
      if (tasksMax <= 0) continue
      queues.push({ queue, slots: this.#shares.get(queue)!.draw(tasksMax), tasksMax })
      most = Math.max(most, tasksMax)
    }
    this.#queues = inTurn(this.#queues)
    return wishFor({ types: this.#types, offers, queues, tasksMax: most })
  }

  /** What batches that are short of tasks still take; where tasks are told apart nobody knows which would fit. */
  #missing(queue: string): number {
    const { handler, gatherer } = this.#parts
    return handler.batch.by === undefined ? gatherer.gathering(handler, queue).room : 0
  }

  /**
   * While tasks are short, more than there are slots are claimed ahead, so that no slot is ever free: then one batch
   * may wait in the line, too.
   */
  #turn({ own }: Expected): 0 | 1 {
    const { handler, executor, gatherer } = this.#parts
    if (own > 0 || tasksAhead(this.#options.concurrency, executor.averageMs) === 0) return 0
    const waits = this.#queues.some((queue) => gatherer.gathering(handler, queue).batches > 0)
    return waits || executor.isQueued(handler) ? 0 : 1
  }
}

/** Batches that wait without a slot that is kept for them: all but one. */
function surplus(batches: number): number {
  return Math.max(batches - 1, 0)
}
