/** Names that repeat, and the numbers by which records refer to them. A name keeps its number for good. */
import { Lanes } from './lanes.ts'
import { intern, names as namesScript } from './lua/scripts.ts'
import type { TaskPolicy, TaskSpec } from '@millrace/core/store'
import type { Home } from './home.ts'

export interface Route {
  readonly type: string
  readonly needs: readonly string[]
}

/** What core wants back with each claim, unread. */
export interface Terms {
  readonly timeoutMs: number | null
  readonly policy: TaskPolicy
}

/** The numbers of what many tasks have in common. */
export interface Shape {
  readonly queue: number
  readonly route: number
  readonly terms: number
}

type Kind = 'Q' | 'R' | 'T'

/** The number of terms that stand in the task itself, because there are too many of them. */
export const OWN_TERMS = 0

export class Names {
  readonly queues: Map<string, number> = new Map()
  readonly routes: Map<string, number> = new Map()
  readonly terms: Map<string, number> = new Map()
  readonly queueOf: Map<number, string> = new Map()
  readonly routeOf: Map<number, Route> = new Map()
  readonly termsOf: Map<number, Terms> = new Map()
  readonly lanes: Lanes = new Lanes()
  /** Changes whenever the names may have other numbers than before. */
  generation = 0
  readonly #missing = new Map<Kind, Set<string>>()
  readonly #texts = new WeakMap<TaskPolicy, Map<number | null, string>>()

  #last: TaskSpec | undefined
  #lastShape: Shape = { queue: 0, route: 0, terms: 0 }
  readonly #plainRoutes = new Map<string, number>()

  /** Of a task; 0 for what has no number yet. Tasks of one definition come together, so the last one mostly fits. */
  shapeOf(task: TaskSpec): Shape {
    const last = this.#last
    if (
      last !== undefined &&
      last.policy === task.policy &&
      last.type === task.type &&
      last.queue === task.queue &&
      last.timeoutMs === task.timeoutMs &&
      last.needs === task.needs
    ) {
      return this.#lastShape
    }
    const shape = {
      queue: this.queue(task.queue),
      route: this.#routeOf(task.type, task.needs),
      terms: this.#termsNumber(task.policy, task.timeoutMs),
    }
    this.#last = this.complete ? task : undefined
    this.#lastShape = shape
    return shape
  }

  /** A server that another took the place of, or that was started anew, may have lost the latest numbers. */
  forget(): void {
    this.#forgetNumbers()
    this.lanes.forget()
  }

  #forgetNumbers(): void {
    this.generation += 1
    this.#last = undefined
    this.#plainRoutes.clear()
    for (const map of [this.queues, this.routes, this.terms, this.queueOf, this.routeOf, this.termsOf])
      map.clear()
  }

  queue(name: string): number {
    return this.queues.get(name) ?? this.#miss('Q', name)
  }

  #routeOf(type: string, needs: readonly string[]): number {
    const plain = needs.length === 0 ? this.#plainRoutes.get(type) : undefined
    if (plain !== undefined) return plain
    const text = JSON.stringify([type, needs])
    return this.routes.get(text) ?? this.#miss('R', text)
  }

  #termsNumber(policy: TaskPolicy, timeoutMs: number | null): number {
    const text = this.termsText(policy, timeoutMs)
    return this.terms.get(text) ?? this.#miss('T', text)
  }

  termsText(policy: TaskPolicy, timeoutMs: number | null): string {
    let byTimeout = this.#texts.get(policy)
    if (byTimeout === undefined) this.#texts.set(policy, (byTimeout = new Map<number | null, string>()))
    let text = byTimeout.get(timeoutMs)
    if (text === undefined) byTimeout.set(timeoutMs, (text = JSON.stringify([timeoutMs, policy])))
    return text
  }

  /** Whether all names that were asked for since the last call are known. */
  get complete(): boolean {
    return this.#missing.size === 0 && this.lanes.complete
  }

  #miss(kind: Kind, name: string): number {
    const of = this.#missing.get(kind) ?? new Set()
    this.#missing.set(kind, of.add(name))
    return 0
  }

  /** Gives numbers to all that were missed. */
  async learn(home: Home): Promise<void> {
    await this.lanes.learn(home)
    const missing = [...this.#missing]
    this.#missing.clear()
    for (const [kind, names] of missing) {
      const list = [...names]
      const packer = home.packer.array(list.length + 1).text(kind)
      for (const name of list) packer.text(name)
      const numbers = (await home.run(intern, packer.done())) as readonly Buffer[]
      for (const [index, name] of list.entries()) this.#add(kind, name, numbers[index]!)
    }
  }

  /** Reads all names that anybody gave numbers to, in the place of those that it knew. */
  async load(home: Home): Promise<void> {
    const reply = await home.run(namesScript, home.packer.array(0).done())
    const [queues, routes, terms] = reply as readonly (readonly Buffer[])[]
    this.#forgetNumbers()
    for (const [kind, flat] of [
      ['Q', queues!],
      ['R', routes!],
      ['T', terms!],
    ] as const) {
      for (let i = 0; i < flat.length; i += 2) this.#add(kind, String(flat[i]), flat[i + 1]!)
    }
  }

  #add(kind: Kind, name: string, bytes: Buffer): void {
    const number = bytes.length === 0 ? OWN_TERMS : bytes.readUIntBE(0, 3)
    if (kind === 'Q') {
      this.queues.set(name, number)
      this.queueOf.set(number, name)
    } else if (kind === 'R') {
      const [type, needs] = JSON.parse(name) as [string, readonly string[]]
      this.routes.set(name, number)
      this.routeOf.set(number, { type, needs })
      if (needs.length === 0) this.#plainRoutes.set(type, number)
    } else if (number !== OWN_TERMS) {
      this.terms.set(name, number)
      this.termsOf.set(number, readTerms(name))
    } else {
      this.terms.set(name, number)
    }
  }
}

export function readTerms(text: string): Terms {
  const [timeoutMs, policy] = JSON.parse(text) as [number | null, TaskPolicy]
  return { timeoutMs, policy }
}
