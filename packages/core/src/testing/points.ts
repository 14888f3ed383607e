/**
 * The points at which a run can be interrupted: before and after each await of the context or of an effect, and when
 * the handler has returned but nobody has written its outcome.
 */

/**
 * `kill`: the worker's process ends without a word. `lose`: the worker is cut off, another one runs the task to its
 * end, and then the first one goes on. `twice`: the same, but the first goes on as soon as the second has come as far.
 */
export type InterruptionKind = 'kill' | 'lose' | 'twice'

/** Where a run was interrupted, and how. */
export interface Interruption {
  readonly kind: InterruptionKind
  /** Number of the point, from 1. */
  readonly point: number
  /** What stands there, as `after charge`. */
  readonly place: string
}

/** What happens at the point that was chosen. */
export interface PointActions {
  /** The first run has come to the point: it goes on when this resolves, if ever. */
  reached(place: string): Promise<void>
  /** A later run has come to it. */
  repeated(): void
}

export class Points {
  /** What stands at each point that the first run came by. */
  readonly places: string[] = []
  readonly #chosen: number | null
  readonly #actions: PointActions
  readonly #counts = new Map<number, number>()

  /** @param chosen the number of the point at which something happens; `null`: nothing does */
  constructor(chosen: number | null, actions: PointActions) {
    this.#chosen = chosen
    this.#actions = actions
  }

  /** @param run which run of the task it is, from 1 */
  async around<T>(run: number, name: string, call: () => T | PromiseLike<T>): Promise<T> {
    await this.pass(run, `before ${name}`)
    const value = await call()
    await this.pass(run, `after ${name}`)
    return value
  }

  async pass(run: number, place: string): Promise<void> {
    const point = (this.#counts.get(run) ?? 0) + 1
    this.#counts.set(run, point)
    if (run === 1) this.places.push(place)
    if (point !== this.#chosen) return
    if (run === 1) await this.#actions.reached(place)
    else this.#actions.repeated()
  }
}
