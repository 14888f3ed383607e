/** Looks after each request whether it did harm: a fault of the server, or a change by what was refused. */
import type { Front } from './front.ts'

/** What came of a request. `unknown`: nobody can say whether it was carried out. */
export interface Fate {
  readonly kind: 'accepted' | 'refused' | 'unknown'
  readonly shown: string
  /** What is wrong with the answer itself. */
  readonly fault: string | null
}

export class Judge {
  readonly problems: string[] = []
  readonly fates = { accepted: 0, refused: 0, unknown: 0 }
  readonly counts = new Map<string, number>()
  readonly #front: Front
  #held: string

  private constructor(front: Front, held: string) {
    this.#front = front
    this.#held = held
  }

  static async over(front: Front): Promise<Judge> {
    return new Judge(front, await front.digest())
  }

  /** @param what names the request, so that it can be found again */
  async judge(what: string, { kind, shown, fault }: Fate): Promise<void> {
    this.fates[kind] += 1
    this.counts.set(shown, (this.counts.get(shown) ?? 0) + 1)
    const front = this.#front
    if (fault !== null) this.problems.push(`${what}: ${fault}`)
    for (const error of front.errors.splice(0)) this.problems.push(`${what}: the log has an error: ${error}`)
    if (front.writes === 0) return
    front.writes = 0
    await this.#compare(what, kind)
  }

  /** Once more at the end, whatever was counted. */
  async end(what: string): Promise<void> {
    await this.#compare(what, 'refused')
  }

  async #compare(what: string, kind: Fate['kind']): Promise<void> {
    const held = await this.#front.digest()
    if (held !== this.#held && kind === 'refused')
      this.problems.push(`${what}: was refused, and changed the store: ${difference(this.#held, held)}`)
    this.#held = held
  }
}

function difference(before: string, after: string): string {
  let at = 0
  while (before[at] === after[at]) at += 1
  const part = (text: string): string => text.slice(Math.max(0, at - 60), at + 120)
  return `${part(before)} is now ${part(after)}`
}
