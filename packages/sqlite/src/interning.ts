/**
 * Names that repeat, as the small integers that the tables hold. Other processes add names too, so one that
 * is not known here is looked up before it is added; what was learned in a transaction that failed is forgotten.
 */
import type { Connection } from './database.ts'
import type { Known, Lesson } from './wire.ts'
import {
  ADD_QUEUE,
  ADD_ROUTE,
  ADD_TERMS,
  FIND_QUEUE,
  FIND_ROUTE,
  FIND_TERMS,
  QUEUE_BY_KEY,
  ROUTES_AFTER,
  TERMS_AFTER,
} from './statements/names.ts'

export interface Route {
  readonly key: number
  readonly type: string
  readonly needs: readonly string[]
}

export interface Queue {
  readonly key: number
  readonly name: string
  readonly paused: boolean
}

export class Names {
  readonly #database: Connection
  readonly #queues = new Map<string, Queue>()
  readonly #queueNames = new Map<number, string>()
  readonly #routes = new Map<number, Route>()
  readonly #routeKeys = new Map<string, number>()
  readonly #terms = new Map<string, number>()
  readonly #termsByKey = new Map<number, string>()
  #version = 0
  #routesUpTo = 0
  #termsUpTo = 0

  constructor(database: Connection) {
    this.#database = database
  }

  /** Another process has written: settings may have changed, and there may be more routes. Keys never change. */
  othersWrote(): void {
    this.#queues.clear()
    this.#loadRoutes()
    this.#loadTerms()
  }

  /** A transaction was taken back: what it added is not there. */
  forget(): void {
    this.#version += 1
    this.#queues.clear()
    this.#queueNames.clear()
    this.#routes.clear()
    this.#routeKeys.clear()
    this.#terms.clear()
    this.#termsByKey.clear()
    this.#routesUpTo = 0
    this.#termsUpTo = 0
    this.#loadRoutes()
    this.#loadTerms()
  }

  /** `undefined` if nothing ever used that name. */
  findQueue(name: string): Queue | undefined {
    const known = this.#queues.get(name)
    if (known !== undefined) return known
    const row = this.#database.get<[key: number, paused: number]>(FIND_QUEUE, name)
    if (row === undefined) return undefined
    const queue = { key: row[0], name, paused: row[1] === 1 }
    this.#queues.set(name, queue)
    return queue
  }

  /** The queue by that name, which is added if it is new. */
  queue(name: string): Queue {
    const known = this.findQueue(name)
    if (known !== undefined) return known
    this.#database.run(ADD_QUEUE, name)
    return this.findQueue(name)!
  }

  /** Its settings have changed in this transaction. */
  queueChanged(name: string): void {
    this.#queues.delete(name)
  }

  queueName(key: number): string {
    let name = this.#queueNames.get(key)
    if (name === undefined) {
      name = this.#database.get<[string]>(QUEUE_BY_KEY, key)![0]
      this.#queueNames.set(key, name)
    }
    return name
  }

  /** The key of a route, which is added if it is new. */
  route(type: string, needs: readonly string[]): number {
    const list = JSON.stringify(needs)
    const known = this.#routeKeys.get(`${type} ${list}`)
    if (known !== undefined) return known
    const row = this.#database.get<[number]>(FIND_ROUTE, type, list)
    if (row === undefined) this.#database.run(ADD_ROUTE, type, list)
    this.#loadRoutes()
    return this.#routeKeys.get(`${type} ${list}`)!
  }

  /** Another one whenever the routes have changed. */
  get version(): number {
    return this.#version
  }

  /** Every route there is: they are few. */
  get routes(): ReadonlyMap<number, Route> {
    return this.#routes
  }

  routeOf(key: number): Route {
    if (!this.#routes.has(key)) this.#loadRoutes()
    return this.#routes.get(key)!
  }

  #loadRoutes(): void {
    const rows = this.#database.all<[key: number, type: string, needs: string]>(
      ROUTES_AFTER,
      this.#routesUpTo,
    )
    for (const [key, type, needs] of rows) {
      this.#routes.set(key, { key, type, needs: JSON.parse(needs) as readonly string[] })
      this.#routeKeys.set(`${type} ${needs}`, key)
      this.#routesUpTo = key
      this.#version += 1
    }
  }

  /** The key of a policy and a time limit, given as JSON, which are added if they are new. */
  terms(terms: string): number {
    const known = this.#terms.get(terms)
    if (known !== undefined) return known
    if (this.#database.get(FIND_TERMS, terms) === undefined) this.#database.run(ADD_TERMS, terms)
    this.#loadTerms()
    return this.#terms.get(terms)!
  }

  termsOf(key: number): string {
    if (!this.#termsByKey.has(key)) this.#loadTerms()
    return this.#termsByKey.get(key)!
  }

  /** Everything that claims refer to, behind what somebody knows already. */
  lessonAfter(known: Known): Lesson | null {
    if (known.routes === this.#routesUpTo && known.terms === this.#termsUpTo) return null
    const routes = [...this.#routes.values()].filter(({ key }) => key > known.routes)
    const terms = Array.from(this.#termsByKey, ([key, text]) => ({ key, terms: text }))
    return {
      routes: routes.map(({ key, type }) => ({ key, type })),
      terms: terms.filter(({ key }) => key > known.terms),
      known: { routes: this.#routesUpTo, terms: this.#termsUpTo },
    }
  }

  #loadTerms(): void {
    for (const [key, terms] of this.#database.all<[key: number, terms: string]>(
      TERMS_AFTER,
      this.#termsUpTo,
    )) {
      this.#terms.set(terms, key)
      this.#termsByKey.set(key, terms)
      this.#termsUpTo = key
    }
  }
}
