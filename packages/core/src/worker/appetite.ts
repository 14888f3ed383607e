/** How much a worker asks for: its free slots, and a little ahead while tasks are short. */
import { LIMITS } from '../task/limits.ts'
import { LevelShares } from '../policy/shares.ts'
import { isBatchHandler } from './gatherer.ts'
import type { QueueDemand } from '../store/port.ts'
import type { Expected, Taste, Wish } from './exchanger.ts'
import type { Executor } from './executor.ts'
import type { ResolvedWorkerOptions } from './options.ts'

/** Tasks are claimed ahead for so much time of work, so that a batch is at hand while the next one is fetched. */
const AHEAD_MS = 20
const AHEAD_MAX = 1_000

/** Of what is asked for, a partition gets so much in its turn: small enough to be fair, large enough to be few turns. */
const TURNS = 20

/** Nothing is held back behind slow tasks: ahead is claimed only as much as is done in a moment. */
export function tasksAhead(concurrency: number, averageMs: number): number {
  const atOnce = Math.min(concurrency, 10)
  return Math.min(AHEAD_MAX, Math.floor((AHEAD_MS / Math.max(averageMs, 0.01)) * atOnce))
}

/** No queue is always the first. */
export function inTurn(queues: readonly string[]): readonly string[] {
  return [...queues.slice(1), ...queues.slice(0, 1)]
}

/** `null`: there is nothing to ask for. */
export function wishFor({
  types,
  offers,
  queues,
  tasksMax,
}: Pick<Wish, 'types' | 'offers' | 'queues' | 'tasksMax'>): Wish | null {
  if (queues.length === 0) return null
  const quantum = Math.ceil(tasksMax / TURNS)
  return { types, offers, queues, tasksMax, quantum, bytesMax: LIMITS.batchBytes }
}

/** For all tasks that take a slot each. */
export class Appetite implements Taste {
  readonly size = 1
  readonly #options: ResolvedWorkerOptions
  readonly #executor: Pick<Executor, 'load' | 'loadOf' | 'averageMs'>
  readonly #types: readonly string[]
  readonly #shares: ReadonlyMap<string, LevelShares>
  #queues: readonly string[]

  constructor(options: ResolvedWorkerOptions, executor: Pick<Executor, 'load' | 'loadOf' | 'averageMs'>) {
    this.#options = options
    this.#executor = executor
    this.#types = [...options.handlers]
      .filter(([, handler]) => !isBatchHandler(handler))
      .map(([type]) => type)
    this.#queues = [...options.queues.keys()]
    this.#shares = new Map(this.#queues.map((queue) => [queue, new LevelShares(options.priorities)]))
  }

  /**
   * What to ask for now; `null` if there is no room.
   *
   * @param expected tasks that exchanges under way may bring
   */
  demand(expected: Expected): Wish | null {
    const { concurrency, offers } = this.#options
    const ahead = tasksAhead(concurrency, this.#executor.averageMs)
    const free = concurrency + ahead - this.#executor.load - expected.slots
    // with more than one exchange's worth of room, half of it: the other half is for the exchange that overlaps
    const most = ahead === 0 ? free : Math.min(free, Math.ceil((concurrency + ahead) / 2), LIMITS.batchTasks)
    if (most <= 0) return null
    const queues: QueueDemand[] = []
    for (const queue of this.#queues) {
      const room =
        this.#options.queues.get(queue)! +
        ahead -
        this.#executor.loadOf(queue) -
        (expected.byQueue.get(queue) ?? 0)
      const tasksMax = Math.min(most, room)
      if (tasksMax > 0) queues.push({ queue, slots: this.#shares.get(queue)!.draw(tasksMax), tasksMax })
    }
    this.#queues = inTurn(this.#queues)
    return wishFor({ types: this.#types, offers, queues, tasksMax: most })
  }
}
