/**
 * Lanes and partitions, as the small integers that the tables hold. Unlike routes there may be very many, so no more of
 * them are remembered here than are in use; and those that nobody uses are forgotten, so what other processes have
 * written makes all that is remembered void.
 */
import {
  ADD_LANE,
  ADD_PARTITION,
  ANY_LANES,
  ANY_PREFERRING,
  FIND_LANE,
  FIND_PARTITION,
  FORGET_LANE,
  FORGET_PARTITION,
  LANE_BY_KEY,
  LANES_AFTER,
  LAST_LANE,
  LAST_PARTITION,
  PARTITIONS_AFTER,
  READ_PARTITIONS,
  SET_WEIGHT,
  WEIGHTS,
} from './statements/lanes.ts'
import type { Lane, LaneLimit, PartitionRecord, PartitionSettings } from '@millrace/core/store'
import type { Connection } from './database.ts'
import type { Pass } from './home.ts'

/** How many lanes are remembered. */
const KNOWN_MAX = 20_000
/** How many lanes, and partitions, one look goes through for those that nobody uses. */
const LOOKED_AT = 1_000

export interface KnownLane {
  readonly key: number
  readonly partition: number
  readonly fifo: boolean
  readonly limits: readonly LaneLimit[]
  readonly prefers: readonly string[]
  readonly spillMs: number
}

/** Of tasks that are in none. */
export const NO_LANE: KnownLane = {
  key: 0,
  partition: 0,
  fifo: false,
  limits: [],
  prefers: [],
  spillMs: 0,
}

type Text = [
  partition: string | null,
  fifo: 0 | 1,
  limits: [name: string, key: string, cost: number][],
  /** Left out of most. */
  ...([] | [prefers: readonly string[], spillMs: number]),
]

/** A lane as its row has it: whoever agrees in all of it is in the same one. */
export function laneText({ partition, fifo, limits, prefers, spillMs }: Lane): string {
  const preference = prefers.length === 0 && spillMs === 0 ? ([] as const) : ([prefers, spillMs] as const)
  const keys = limits.map(({ name, key, cost }): Text[2][number] => [name, key, cost])
  const text: Text = [partition, fifo ? 1 : 0, keys, ...preference]
  return JSON.stringify(text)
}

export function laneOf(text: string): Lane {
  const [partition, fifo, keys, prefers = [], spillMs = 0] = JSON.parse(text) as Text
  const limits = keys.map(([name, key, cost]) => ({ name, key, cost }))
  return { partition, fifo: fifo === 1, limits, prefers, spillMs }
}

export class Lanes {
  readonly #database: Connection
  readonly #byText = new Map<string, number>()
  readonly #byKey = new Map<number, KnownLane>()
  #any: boolean | undefined
  #preferring: boolean | undefined
  #weights: ReadonlyMap<number, number> | undefined
  /** The last keys that were looked at for whether anybody uses them. */
  #looked = { lane: 0, partition: 0 }

  constructor(database: Connection) {
    this.#database = database
  }

  /** Others have written, or a transaction was taken back. */
  forget(): void {
    this.#byText.clear()
    this.#byKey.clear()
    this.#any = undefined
    this.#preferring = undefined
    this.#weights = undefined
  }

  /** Whether any task is in a lane. */
  get any(): boolean {
    this.#any ??= this.#database.get<[number]>(ANY_LANES)![0] === 1
    return this.#any
  }

  /** Whether any lane prefers some workers. */
  get preferring(): boolean {
    this.#preferring ??= this.#database.get<[number]>(ANY_PREFERRING)![0] === 1
    return this.#preferring
  }

  /** The key of a lane given by its text, which is added if it is new. */
  keyOf(text: string): number {
    const known = this.#byText.get(text)
    if (known !== undefined) return known
    const [name, , , prefers = []] = JSON.parse(text) as Text
    const partition = name === null ? 0 : this.#partition(name)
    let key = this.#database.get<[number]>(FIND_LANE, partition, text)?.[0]
    if (key === undefined) {
      this.#database.run(ADD_LANE, partition, text, prefers.length > 0 ? 1 : 0)
      key = this.#database.get<[number]>(FIND_LANE, partition, text)![0]
      this.#any = true
      if (prefers.length > 0) this.#preferring = true
    }
    if (this.#byText.size >= KNOWN_MAX) this.#byText.clear()
    this.#byText.set(text, key)
    return key
  }

  of(key: number): KnownLane {
    if (key === 0) return NO_LANE
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const [partition, text] = this.#database.get<[number, string]>(LANE_BY_KEY, key)!
    const lane: KnownLane = { ...laneOf(text), key, partition }
    if (this.#byKey.size >= KNOWN_MAX) this.#byKey.clear()
    this.#byKey.set(key, lane)
    return lane
  }

  /** As the port has it. */
  recordOf(key: number): Lane | null {
    if (key === 0) return null
    const [, text] = this.#database.get<[number, string]>(LANE_BY_KEY, key)!
    return laneOf(text)
  }

  weightOf(partition: number): number {
    this.#weights ??= new Map(this.#database.all<[number, number]>(WEIGHTS))
    return this.#weights.get(partition) ?? 1
  }

  /** Where turns begin that never began anywhere. */
  partitionByChance(chance: number): number {
    return chance % (this.#database.get<[number]>(LAST_PARTITION)![0] + 1)
  }

  laneByChance(chance: number): number {
    return chance % (this.#database.get<[number]>(LAST_LANE)![0] + 1)
  }

  configure({ partition, weight }: PartitionSettings): void {
    this.#database.run(SET_WEIGHT, weight, this.#partition(partition))
    this.#weights = undefined
  }

  get configured(): readonly PartitionRecord[] {
    const rows = this.#database.all<[string, number]>(READ_PARTITIONS)
    return rows.map(([partition, weight]) => ({ partition, weight }))
  }

  #partition(name: string): number {
    const known = this.#database.get<[number]>(FIND_PARTITION, name)
    if (known !== undefined) return known[0]
    this.#database.run(ADD_PARTITION, name)
    return this.#database.get<[number]>(FIND_PARTITION, name)![0]
  }

  /** Forgets some of the lanes and partitions that nobody uses any more; the next look goes on behind. */
  prune(): void {
    if (!this.any && this.#database.get<[number]>(LAST_PARTITION)![0] === 0) return
    this.#looked.lane = this.#prune(LANES_AFTER, FORGET_LANE, this.#looked.lane)
    this.#looked.partition = this.#prune(PARTITIONS_AFTER, FORGET_PARTITION, this.#looked.partition)
  }

  #prune(look: string, forget: string, from: number): number {
    const rows = this.#database.all<[key: number, used: number]>(look, from, LOOKED_AT)
    const unused = rows.filter(([, used]) => used === 0)
    for (const [key] of unused) this.#database.run(forget, key)
    if (unused.length > 0) this.forget()
    return rows.length < LOOKED_AT ? 0 : rows.at(-1)![0]
  }
}

export function configurePartition({ lanes, hint }: Pass, request: PartitionSettings): null {
  lanes.configure(request)
  hint.ready = true
  return null
}

export function partitions({ lanes }: Pass): readonly PartitionRecord[] {
  return lanes.configured
}
