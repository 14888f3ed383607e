/** Each task by its number: what its producer and its workers were told of it. */
import type { Told } from './protocol.ts'

export class Ledger {
  readonly #acknowledged = new Set<number>()
  readonly #refused = new Map<number, string>()
  readonly #accepted = new Map<number, number>()
  readonly #lost = new Set<number>()
  readonly #troubles = new Map<string, number>()
  started = 0
  #waiting: { readonly count: number; readonly resolve: () => void }[] = []

  readonly hear = (told: Told): void => {
    switch (told.kind) {
      case 'ready':
        return
      case 'acknowledged':
        for (const n of told.numbers) this.#acknowledged.add(n)
        return this.#tell()
      case 'refused':
        return void this.#refused.set(told.number, told.error)
      case 'started':
        return void (this.started += told.count)
      case 'accepted':
        for (const n of told.numbers) this.#accepted.set(n, (this.#accepted.get(n) ?? 0) + 1)
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

  get accepted(): number {
    return this.#accepted.size
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
    const told = this.#acknowledged.difference(this.#accepted)
    const gone = [...told].filter((n) => !this.#lost.has(n))
    if (gone.length > 0) found.push(`${gone.length} acknowledged tasks were never ended: ${some(gone)}`)
    const twice = [...this.#accepted].filter(([, times]) => times > 1).map(([n]) => n)
    if (twice.length > 0) found.push(`${twice.length} tasks were accepted twice: ${some(twice)}`)
    // a lease that lapsed in the outage leaves its worker without the answer, but the store has each task once
    const known = this.#acknowledged.union(this.#accepted).size
    if (succeeded < known) found.push(`the store has ${succeeded} succeeded tasks of ${known}`)
    const open = [...this.#refused.keys()].filter((n) => !this.#accepted.has(n)).length
    if (succeeded > known + open) found.push(`the store has ${succeeded} succeeded tasks instead of ${known}`)
    for (const [n, error] of this.#refused) found.push(`enqueue ${n} was refused: ${error}`)
    return found
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
