/** Each task by its number: what its producer and its workers were told of it. */
import type { Told } from './protocol.ts'

/** What was answered before a kill may be told so long after it. */
const TOLD_MS = 500

export class Ledger {
  /** How long before it is killed the server may forget what it has answered. */
  readonly #forgetsMs: number
  /** When the server was killed. */
  readonly #kills: number[] = []
  /** When. */
  readonly #acknowledged = new Map<number, number>()
  readonly #refused = new Map<number, 'not enqueued' | 'nothing'>()
  /** When, each time. */
  readonly #accepted = new Map<number, readonly number[]>()
  readonly #lost = new Set<number>()
  readonly #troubles = new Map<string, number>()
  started = 0
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(forgetsMs = 0) {
    this.#forgetsMs = forgetsMs
  }

  struck(at: number): void {
    this.#kills.push(at)
  }

  readonly hear = (told: Told): void => {
    switch (told.kind) {
      case 'ready':
        return
      case 'acknowledged':
        for (const n of told.numbers) this.#acknowledged.set(n, told.at)
        return this.#tell()
      case 'refused':
        return void this.#refused.set(told.number, told.known)
      case 'started':
        return void (this.started += told.count)
      case 'accepted':
        for (const n of told.numbers) this.#accepted.set(n, [...(this.#accepted.get(n) ?? []), told.at])
        return
      case 'lost':
        return void this.#lost.add(told.number)
      case 'trouble':
        return void this.#troubles.set(told.error, (this.#troubles.get(told.error) ?? 0) + 1)
    }
  }

  get acknowledged(): number {
    return this.#acknowledged.size
  }

  /** Calls that were told that the store is away. */
  get refused(): number {
    return this.#refused.size
  }

  /** What workers said went wrong, and how often. */
  get troubles(): ReadonlyMap<string, number> {
    return this.#troubles
  }

  /** Resolves when so many tasks are acknowledged. */
  async reaches(count: number): Promise<void> {
    if (this.#acknowledged.size >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  /**
   * What should not be, in words, once nothing is left to do.
   *
   * @param succeeded how many succeeded tasks the store has
   */
  problems(succeeded: number): readonly string[] {
    const found: string[] = []
    const gone = this.#gone().filter((n) => !this.#isForgettable(this.#acknowledged.get(n)!))
    if (gone.length > 0) found.push(`${gone.length} acknowledged tasks were never ended: ${some(gone)}`)
    const twice = this.#twice().filter((n) => !this.#isForgettable(this.#accepted.get(n)![0]!))
    if (twice.length > 0) found.push(`${twice.length} tasks were accepted twice: ${some(twice)}`)
    // a lease that lapsed in the outage leaves its worker without the answer, but the store has each task once
    const known = this.#known()
    const certain = [...known].filter((n) => !this.#mayBeForgotten(n)).length
    if (succeeded < certain) found.push(`the store has ${succeeded} succeeded tasks of ${known.size}`)
    const open = [...this.#refused].filter(
      ([n, known]) => known === 'nothing' && !this.#accepted.has(n),
    ).length
    if (succeeded > known.size + open)
      found.push(`the store has ${succeeded} succeeded tasks instead of ${known.size}`)
    const denied = [...this.#refused].filter(
      ([n, known]) => known === 'not enqueued' && this.#accepted.has(n),
    )
    for (const [n] of denied) found.push(`task ${n} was refused, and is there all the same`)
    return found
  }

  /** How much the server has forgotten: tasks, or that they had ended. */
  forgotten(succeeded: number): number {
    return Math.max(0, this.#known().size - succeeded) + this.#twice().length
  }

  #known(): ReadonlySet<number> {
    return new Set([...this.#acknowledged.keys(), ...this.#accepted.keys()])
  }

  /** The last that was answered of it. */
  #mayBeForgotten(n: number): boolean {
    const at = this.#accepted.get(n)?.at(-1) ?? this.#acknowledged.get(n)
    return at !== undefined && this.#isForgettable(at)
  }

  /** Acknowledged, and never ended. */
  #gone(): readonly number[] {
    return [...this.#acknowledged.keys()].filter((n) => !this.#accepted.has(n) && !this.#lost.has(n))
  }

  #twice(): readonly number[] {
    return [...this.#accepted].filter(([, times]) => times.length > 1).map(([n]) => n)
  }

  /** Whether it was answered so shortly before a kill that the server may have forgotten it. */
  #isForgettable(at: number): boolean {
    if (this.#forgetsMs === 0) return false
    return this.#kills.some((kill) => kill - this.#forgetsMs <= at && at <= kill + TOLD_MS)
  }

  #tell(): void {
    const all = this.#waiting
    this.#waiting = all.filter(({ count }) => this.#acknowledged.size < count)
    for (const { count, resolve } of all) if (this.#acknowledged.size >= count) resolve()
  }
}

function some(numbers: readonly number[]): string {
  return numbers.slice(0, 5).join(', ')
}
