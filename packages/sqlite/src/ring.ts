/**
 * The partitions of a queue's level as a ring, come by from some lane on until it is reached again. Only the first
 * task of each lane is read, and of lanes under a key that has no room not even the next.
 */
import { ROUTES_READY } from './statements/claiming.ts'
import { DUE_SINCE, IN_LANE, NEXT_LANES } from './statements/lanes.ts'
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

/** How much is read ahead while everything is held back: the next lane, if there is but one task in this. */
const SHALLOW = 2

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
  /** For how long what is due there is left to workers that offer more of what it prefers. */
  readonly leftForMs: number
  ord: number
  seq: number
  behind: readonly (readonly [ord: number, seq: number])[]
  at: number
  /** Whether there may be more than was read. */
  more: boolean
}

export interface Party {
  readonly partition: number
  /** Of its lanes, those whose first task may start. */
  readonly heads: Head[]
  /** One of them whose first task was picked, and the next not looked at yet. */
  picked: Head | null
}

type Row = [partition: number, lane: number, ord: number, seq: number]

/** A route, and what was read of it ahead: the rest of a lane, and the lanes behind. */
interface Scanner {
  readonly route: number
  rows: readonly Row[]
  /** Where in the rows the lane begins that comes next. */
  at: number
  /** Whether there may be more than was read. */
  more: boolean
  /** Whether what stands behind the first of a lane may be of use. */
  deep: boolean
}

export interface RingParts {
  readonly source: Source
  readonly ledger: Ledger
  readonly from: Position
  /** Where the ring is closed. */
  readonly until: Position
  /** How many lanes may be come by. */
  readonly hops: number
  /** How many tasks may be needed of a lane. */
  readonly depth: number
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
    const [partition] = rowOf(first)!
    const heads: Head[] = []
    let lanes = 0
    for (
      let one: Scanner | undefined = first;
      one !== undefined && rowOf(one)![0] === partition;
      one = this.#first(upTo)
    ) {
      const [, lane] = rowOf(one)!
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
    return routes.map((route) => this.#hop({ route, rows: [], at: 0, more: true, deep: true }, behind))
  }

  /** The scanner that stands first. */
  #first(upTo: Position): Scanner | undefined {
    let first: Scanner | undefined
    for (const one of this.#scanners) {
      const row = rowOf(one)
      if (row === undefined || isBefore(upTo, row)) continue
      if (first === undefined || isBefore(row, rowOf(first)!)) first = one
    }
    return first
  }

  /** Goes on behind a lane, by what was read ahead if that is enough. */
  #hop(scanner: Scanner, behind: Position): Scanner {
    while (scanner.at < scanner.rows.length && !isBefore(behind, rowOf(scanner)!)) scanner.at += 1
    if (rowOf(scanner) !== undefined || !scanner.more) return scanner
    const { source, depth } = this.#parts
    const { served, level } = source
    const place = [served.queue, scanner.route, level, ...behind] as const
    const count = scanner.deep ? depth + 1 : SHALLOW
    scanner.rows = this.#pass.database.all<Row>(NEXT_LANES, ...place, count)
    scanner.more = scanner.rows.length === count
    scanner.at = 0
    return scanner
  }

  /** Lanes before that one are left out. */
  #jump(to: Position): void {
    for (const scanner of this.#scanners) {
      const row = rowOf(scanner)
      if (row === undefined || !isBefore(row, to)) continue
      this.leftOut = true
      this.#hop(scanner, to)
    }
  }

  /** @returns whether it may start here, and there is room for it */
  #take(scanner: Scanner, heads: Head[]): boolean {
    const { route } = scanner
    const [partition, lane, ord, seq] = rowOf(scanner)!
    const leftForMs = this.#leftForMs(lane)
    scanner.deep = false
    if (this.#isLeft(seq, leftForMs)) return false
    const charges = this.#charges(route, lane)
    const room = this.#parts.ledger.roomFor(charges)
    scanner.deep = room.free
    if (!room.free) this.passOver(room.againAt)
    else heads.push({ route, partition, lane, charges, leftForMs, ord, seq, ...restOfLane(scanner) })
    return room.free
  }

  #leftForMs(lane: number): number {
    const { lanes } = this.#pass
    if (lane === 0 || !lanes.preferring) return 0
    const { prefers, spillMs } = lanes.of(lane)
    const rank = prefers.findIndex((one) => this.#parts.source.served.routes.offers.has(one))
    return (rank < 0 ? prefers.length : rank) * spillMs
  }

  /** Whether a task, and its lane with it, is passed over because others had better run it. */
  #isLeft(seq: number, forMs: number): boolean {
    if (forMs === 0) return false
    const spillsAt = this.#pass.database.get<[number]>(DUE_SINCE, seq)![0] + forMs
    if (spillsAt <= this.#pass.now) return false
    this.passOver(spillsAt)
    return true
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
   * @returns whether there is one that may start as far as its worker goes
   */
  advance(head: Head, ahead: number): boolean {
    if (head.at === head.behind.length) {
      if (!head.more) return false
      const { served, level } = this.#parts.source
      const { route, partition, lane, ord, seq } = head
      const place = [served.queue, route, level, partition, lane, ord, seq] as const
      const count = Math.max(ahead, 1)
      head.behind = this.#pass.database.all<[number, number]>(IN_LANE, ...place, count)
      head.more = head.behind.length === count
      head.at = 0
    }
    const next = head.behind[head.at]
    if (next === undefined) return false
    head.at += 1
    ;[head.ord, head.seq] = next
    return !this.#isLeft(head.seq, head.leftForMs)
  }
}

const NONE: readonly Charge[] = []

function rowOf({ rows, at }: Scanner): Row | undefined {
  return rows[at]
}

/** What was read ahead of the lane that comes next. */
function restOfLane({ rows, at, more }: Scanner): Pick<Head, 'behind' | 'at' | 'more'> {
  const [partition, lane] = rows[at]!
  const behind: [number, number][] = []
  let next = at + 1
  for (; next < rows.length && rows[next]![0] === partition && rows[next]![1] === lane; next++)
    behind.push([rows[next]![2], rows[next]![3]])
  return { behind, at: 0, more: more && next === rows.length }
}

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  return one[0]! < other[0]! || (one[0] === other[0] && one[1]! < other[1]!)
}
