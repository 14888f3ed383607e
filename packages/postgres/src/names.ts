/**
 * Names that repeat, as the small integers that the tables hold. They are added in a transaction of their own,
 * before they are needed; keys never change.
 */
import {
  ADD_QUEUES,
  ADD_ROUTES,
  ADD_TERMS,
  QUEUES_BY_KEY,
  QUEUES_BY_NAME,
  ROUTES_BY_KEY,
  ROUTES_BY_NAME,
  SESSIONS_BY_KEY,
  TERMS_BY_KEY,
  TERMS_BY_TEXT,
} from './statements/names.ts'
import { texts } from './arrays.ts'
import type { TaskPolicy } from '@millrace/core/store'
import type { Connection, Database } from './database.ts'

export interface Route {
  readonly type: string
  readonly needs: readonly string[]
}

export interface Terms {
  readonly policy: TaskPolicy
  readonly timeoutMs: number | null
}

/** How many names of a kind are young. What nobody has used since as many others came is forgotten. */
const YOUNG_MAX = 10_000

/** Remembers what is used: the old ones go when the young ones have become too many, and take their place. */
class Memory<Key, Value> {
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: Key, value: Value): void {
    if (this.#young.size >= YOUNG_MAX) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}

/** Names of one kind, in both directions. */
class Kind<Value> {
  readonly #database: Database
  readonly #statements: Readonly<Record<'add' | 'byName' | 'byKey', string>>
  readonly #read: (name: string) => Value
  readonly #keys = new Memory<string, number>()
  readonly #values = new Memory<number, Value>()

  constructor(
    database: Database,
    statements: Readonly<Record<'add' | 'byName' | 'byKey', string>>,
    read: (name: string) => Value,
  ) {
    this.#database = database
    this.#statements = statements
    this.#read = read
  }

  key(name: string): number {
    return this.#keys.get(name)!
  }

  value(key: number): Value {
    return this.#values.get(key)!
  }

  /** Makes the keys of these names known, and adds what nobody named before. */
  async name(names: readonly string[]): Promise<void> {
    await this.find(names)
    const missing = this.#missing(names)
    if (missing.length === 0) return
    await this.#database.run(this.#statements.add, [texts(missing)])
    await this.find(names)
  }

  /** Makes the keys of these names known, as far as there are any. */
  async find(names: readonly string[], connection: Connection = this.#database): Promise<void> {
    const missing = this.#missing(names)
    if (missing.length === 0) return
    this.#learn(await connection.rows<[number, string]>(this.#statements.byName, [texts(missing)]))
  }

  /**
   * Makes the values of these keys known.
   *
   * @param connection of a transaction that must not wait for another one
   */
  async learn(keys: Iterable<number>, connection: Connection = this.#database): Promise<void> {
    const missing = [...new Set(keys)].filter((key) => this.#values.get(key) === undefined)
    if (missing.length === 0) return
    this.#learn(await connection.rows<[number, string]>(this.#statements.byKey, [missing]))
  }

  known(name: string): number | undefined {
    return this.#keys.get(name)
  }

  #missing(names: readonly string[]): string[] {
    return [...new Set(names)].filter((name) => this.#keys.get(name) === undefined)
  }

  #learn(rows: readonly (readonly [number, string])[]): void {
    for (const [key, name] of rows) {
      this.#keys.set(name, key)
      this.#values.set(key, this.#read(name))
    }
  }
}

export class Names {
  readonly queues: Kind<string>
  /** By JSON of [type, needs]. */
  readonly routes: Kind<Route>
  /** By JSON of [policy, timeoutMs]. */
  readonly terms: Kind<Terms>
  readonly sessions: Kind<string>
  /** Keys of queues that are known to have had lanes. */
  readonly withLanes: Set<number> = new Set()

  constructor(database: Database) {
    const queues = { add: ADD_QUEUES, byName: QUEUES_BY_NAME, byKey: QUEUES_BY_KEY }
    const routes = { add: ADD_ROUTES, byName: ROUTES_BY_NAME, byKey: ROUTES_BY_KEY }
    const terms = { add: ADD_TERMS, byName: TERMS_BY_TEXT, byKey: TERMS_BY_KEY }
    const sessions = { add: '', byName: '', byKey: SESSIONS_BY_KEY }
    this.queues = new Kind(database, queues, (name) => name)
    this.routes = new Kind(database, routes, (name) => {
      const [type, needs] = JSON.parse(name) as [string, string[]]
      return Object.freeze({ type, needs: Object.freeze(needs) })
    })
    this.terms = new Kind(database, terms, (name) => {
      const [policy, timeoutMs] = JSON.parse(name) as [TaskPolicy, number | null]
      return { policy, timeoutMs }
    })
    this.sessions = new Kind(database, sessions, (name) => name)
  }
}

export function routeName(type: string, needs: readonly string[]): string {
  return JSON.stringify([type, needs])
}

/** How many time limits of one policy are remembered: somebody may compute one for each task. */
const TIMEOUTS_MAX = 1_000

const termsNames = new WeakMap<TaskPolicy, Map<number | null, string>>()

/** Tasks of one definition share one policy, which is written out once. */
export function termsName(policy: TaskPolicy, timeoutMs: number | null): string {
  let names = termsNames.get(policy)
  if (names === undefined || names.size >= TIMEOUTS_MAX)
    termsNames.set(policy, (names = new Map<number | null, string>()))
  let name = names.get(timeoutMs)
  if (name === undefined) names.set(timeoutMs, (name = JSON.stringify([policy, timeoutMs])))
  return name
}
