/**
 * The partitions of a queue's level as a ring, come by from some lane on until it is reached again. Only the first
 * task of each lane is read, and of lanes under a key that has no room not even the next.
 */
import { ROUTES_READY } from './statements/claiming.ts'
import { IN_LANE, NEXT_LANE } from './statements/lanes.ts'
import { NO_LANE } from './lanes.ts'
import type { Pass } from './home.ts'
import type { Position } from './turns.ts'
import type { Served } from './serving.ts'
import type { Charge, Ledger } from './usages.ts'

/** Of a partition with more lanes than this not all take part at once. */
const LANES_MAX = 100
/** The others begin anywhere, so that each has its chance. */
const FROM_THE_FIRST = 60

/** Of more routes than this it is asked first which have anything to give. */
const FEW = 4

/** Before all, and behind all of a partition. */
export const FRONT: Position = [-1, 0]
export const BEHIND: number = Number.MAX_SAFE_INTEGER

/** A level of a queue that is being claimed from. */
export interface Source {
  readonly served: Served
  readonly level: number
}

/** The first task of a lane, and those that were read behind it. */
export interface Head {
  readonly route: number
  readonly partition: number
  readonly lane: number
  readonly charges: readonly Charge[]
  ord: number
  seq: number
  behind: readonly (readonly [ord: number, seq: number])[]
  at: number
}

export interface Party {
  readonly partition: number
  /** Of its lanes, those whose first task may start. */
  readonly heads: Head[]
  /** One of them whose first task was picked, and the next not looked at yet. */
  picked: Head | null
}

type Row = [partition: number, lane: number, ord: number, seq: number]

interface Scanner {
  readonly route: number
  row: Row | undefined
}

export interface RingParts {
  readonly source: Source
  readonly ledger: Ledger
  readonly from: Position
  /** Where the ring is closed. */
  readonly until: Position
  /** How many lanes may be come by. */
  readonly hops: number
  readonly chance: number
}

export class Ring {
  readonly #pass: Pass
  readonly #parts: RingParts
  /** What is left to come by: behind the one, up to the other. */
  readonly #stretches: (readonly [behind: Position, upTo: Position])[]
  #begun: readonly [Position, Position] | undefined
  #scanners: readonly Scanner[] = []
  #next: Party | undefined
  #last: Position
  hops: number
  /** The last lane that was come by, where there was no more hop. */
  stopped: Position | null = null
  /** Whether lanes of a partition were left out. */
  leftOut = false
  /** When the first of what was passed over may start. */
  againAt: number | null = null

  constructor(pass: Pass, parts: RingParts) {
    this.#pass = pass
    this.#parts = parts
    this.hops = parts.hops
    const { from, until } = parts
    this.#last = from
    const end: Position = [BEHIND, BEHIND]
    this.#stretches = isBefore(from, until)
      ? [[from, until]]
      : [
          [from, end],
          [FRONT, until],
        ]
  }

  /** Whether all of it was come by. */
  get closed(): boolean {
    return this.#next === undefined && this.#stretches.length === 0
  }

  next(): Party | undefined {
    const party = this.peek()
    this.#next = undefined
    return party
  }

  peek(): Party | undefined {
    while (this.#next === undefined && this.#stretches.length > 0 && this.stopped === null) this.#gather()
    return this.#next
  }

  #gather(): void {
    const stretch = this.#stretches[0]!
    const [behind, upTo] = stretch
    if (this.#begun !== stretch) this.#scanners = this.#begin(behind)
    this.#begun = stretch
    const first = this.#first(upTo)
    if (first === undefined) {
      this.#stretches.shift()
      return
    }
    const [partition] = first.row!
    const heads: Head[] = []
    let lanes = 0
    for (let one: Scanner | undefined = first; one?.row?.[0] === partition; one = this.#first(upTo)) {
      const [, lane] = one.row
      // of several types in one lane all are come by, or none
      const another = this.#last[0] !== partition || this.#last[1] !== lane
      if (another && this.hops === 0) {
        this.stopped = this.#last
        break
      }
      if (another && lanes === FROM_THE_FIRST)
        this.#jump([partition, this.#pass.lanes.laneByChance(this.#parts.chance)])
      if (another && lanes === LANES_MAX) this.#jump([partition, BEHIND])
      if (another && (lanes === FROM_THE_FIRST || lanes === LANES_MAX)) {
        lanes += 1
        continue
      }
      this.hops = Math.max(this.hops - 1, 0)
      this.#last = [partition, lane]
      if (this.#take(one, heads) && another) lanes += 1
      this.#hop(one, this.#last)
    }
    if (heads.length > 0) this.#next = { partition, heads, picked: null }
  }

  #begin(behind: Position): Scanner[] {
    this.#last = behind
    const { served, level } = this.#parts.source
    const { keys, json } = served.routes
    const routes =
      keys.length <= FEW
        ? keys
        : this.#pass.database.all<[number]>(ROUTES_READY, served.queue, level, json).map(([route]) => route)
    return routes.map((route) => this.#hop({ route, row: undefined }, behind))
  }

  /** The scanner that stands first. */
  #first(upTo: Position): Scanner | undefined {
    let first: Scanner | undefined
    for (const one of this.#scanners) {
      if (one.row === undefined || isBefore(upTo, one.row)) continue
      if (first === undefined || isBefore(one.row, first.row!)) first = one
    }
    return first
  }

  #hop(scanner: Scanner, [partition, lane]: readonly number[]): Scanner {
    const { served, level } = this.#parts.source
    const { database } = this.#pass
    scanner.row = database.get<Row>(NEXT_LANE, served.queue, scanner.route, level, partition!, lane!)
    return scanner
  }

  /** Lanes before that one are left out. */
  #jump(to: Position): void {
    for (const scanner of this.#scanners) {
      if (scanner.row === undefined || !isBefore(scanner.row, to)) continue
      this.leftOut = true
      this.#hop(scanner, to)
    }
  }

  /** @returns whether there is room for it */
  #take({ route, row }: Scanner, heads: Head[]): boolean {
    const [partition, lane, ord, seq] = row!
    const charges = this.#charges(route, lane)
    const room = this.#parts.ledger.roomFor(charges)
    if (room.free) heads.push({ route, partition, lane, charges, ord, seq, behind: [], at: 0 })
    else this.passOver(room.againAt)
    return room.free
  }

  passOver(againAt: number | null): void {
    if (againAt !== null) this.againAt = Math.min(this.againAt ?? Infinity, againAt)
  }

  #charges(route: number, lane: number): readonly Charge[] {
    const { limits, lanes, names } = this.#pass
    if (!limits.any) return NONE
    const own = lane === 0 ? NO_LANE : lanes.of(lane)
    const { type } = names.routeOf(route)
    const on = limits.on({ queue: this.#parts.source.served.name, type, limits: own.limits })
    return on.length === 0 ? NONE : this.#parts.ledger.chargesOf(on)
  }

  /**
   * The next of a lane becomes its head.
   *
   * @param ahead how many may be needed of it
   * @returns whether there is one
   */
  advance(head: Head, ahead: number): boolean {
    if (head.at === head.behind.length) {
      const { served, level } = this.#parts.source
      const { route, partition, lane, ord, seq } = head
      const place = [served.queue, route, level, partition, lane, ord, seq] as const
      head.behind = this.#pass.database.all<[number, number]>(IN_LANE, ...place, Math.max(ahead, 1))
      head.at = 0
    }
    const next = head.behind[head.at]
    if (next === undefined) return false
    head.at += 1
    ;[head.ord, head.seq] = next
    return true
  }
}

const NONE: readonly Charge[] = []

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  return one[0]! < other[0]! || (one[0] === other[0] && one[1]! < other[1]!)
}
