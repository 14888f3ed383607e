/** Which tasks a claim is to take from a level whose partitions take turns, or that something may hold back. */
import { BEHIND, FRONT, Ring, type Head, type Party, type Source } from './ring.ts'
import type { Pass } from './home.ts'
import type { Position, Spot, Turns } from './turns.ts'
import type { Charge, Ledger } from './usages.ts'

export interface PlanParts {
  readonly ledger: Ledger
  readonly turns: Turns
  readonly quantum: number
  readonly wanted: number
  /** How many lanes may be come by. */
  readonly hops: number
}

export interface Picked {
  readonly head: Head
  readonly ord: number
  readonly seq: number
  readonly charges: readonly Charge[]
}

/** What is left behind a plan: `more` that may start, for all that is known; or nothing before that time, if that is known. */
export type Rest = 'more' | { readonly againAt: number | null }

export interface Plan {
  readonly picked: readonly Picked[]
  /** Where turns go on; `null`: where they did. */
  readonly spot: Spot | null
  /** How many lanes were come by. */
  readonly hops: number
  /** `null`: nobody has looked, because there was enough. */
  readonly rest: Rest | null
}

/** How many tasks of a lane are read when it is come by. */
const DEPTH_MAX = 16

export function levelName({ served, level }: Source): string {
  return `${level} ${served.name}`
}

export function plan(pass: Pass, source: Source, parts: PlanParts): Plan {
  return new Planner(pass, source, parts).plan()
}

class Planner {
  readonly #pass: Pass
  readonly #parts: PlanParts
  readonly #spot: Spot | undefined
  readonly #since: Position
  readonly #ring: Ring
  readonly #picked: Picked[] = []
  /** Partitions that have more, behind those that were not come by yet. */
  readonly #stay: Party[] = []
  /** Whether any had a second turn. */
  #again = false

  constructor(pass: Pass, source: Source, parts: PlanParts) {
    this.#pass = pass
    this.#parts = parts
    const { ledger, turns, hops, quantum, wanted } = parts
    const depth = Math.min(quantum, wanted, DEPTH_MAX)
    const { chance } = turns
    this.#spot = turns.spotOf(levelName(source))
    const from = this.#spot === undefined ? before(pass.lanes.partitionByChance(chance)) : behind(this.#spot)
    this.#since = this.#spot?.since ?? from
    this.#ring = new Ring(pass, { source, ledger, from, until: this.#since, hops, depth, chance })
  }

  plan(): Plan {
    const { wanted, quantum } = this.#parts
    const ring = this.#ring
    let left = this.#spot === undefined || this.#spot.left === 0 ? null : this.#spot
    let spot: Spot | null = null
    while (this.#picked.length < wanted) {
      const party = ring.next() ?? this.#another()
      if (party === undefined) break
      const { partition } = party
      const whole = quantum * this.#pass.lanes.weightOf(partition)
      const turn = left?.partition === partition ? left.left : whole
      left = null
      const alone = this.#stay.length === 0 && ring.peek() === undefined && ring.closed
      const room = wanted - this.#picked.length
      const taken = this.#takeFrom(party, alone ? room : Math.min(turn, room))
      if (alone) break
      spot = { partition, left: Math.max(turn - taken, 0), lane: 0, since: null, againAt: null }
      if (taken >= turn) this.#stay.push(party)
    }
    return this.#outcome(spot)
  }

  #another(): Party | undefined {
    this.#again = true
    return this.#stay.shift()
  }

  #outcome(spot: Spot | null): Plan {
    const picked = this.#picked
    const { stopped, leftOut, againAt } = this.#ring
    const hops = this.#parts.hops - this.#ring.hops
    const enough = picked.length >= this.#parts.wanted
    // who had a second turn gives way to those that there was no hop for
    if (enough && (stopped === null || !this.#again)) return { picked, spot, hops, rest: null }
    if (stopped === null) {
      const known = { againAt: earlier(againAt, this.#spot?.againAt ?? null) }
      return { picked, spot: this.#begun(), hops, rest: leftOut ? 'more' : known }
    }
    // before all of them: the first is next
    const [partition, left, lane] = stopped[0] < 0 ? [0, 1, 0] : [stopped[0], 0, stopped[1]]
    if (hops === 0) return { picked, spot: null, hops, rest: 'more' }
    const inVain = picked.length === 0
    const since = inVain ? this.#since : null
    const vainly = inVain ? earlier(againAt, this.#spot?.againAt ?? null) : null
    return { picked, spot: { partition, left, lane, since, againAt: vainly }, hops, rest: 'more' }
  }

  /** All was come by: whoever looks again begins anew. */
  #begun(): Spot | null {
    return this.#spot === undefined || this.#spot.since === null
      ? null
      : { ...this.#spot, since: null, againAt: null }
  }

  /** @returns how many were taken */
  #takeFrom(party: Party, most: number): number {
    const { heads } = party
    const { ledger } = this.#parts
    let taken = 0
    while (taken < most) {
      this.#refill(party, most - taken)
      if (heads.length === 0) break
      const index = firstOf(heads)
      const head = heads[index]!
      const { charges, ord, seq } = head
      if (charges.length > 0) {
        const room = ledger.roomFor(charges)
        if (!room.free) {
          this.#ring.passOver(room.againAt)
          heads.splice(index, 1)
          continue
        }
        ledger.charge(charges)
      }
      this.#picked.push({ head, ord, seq, charges })
      party.picked = head
      taken += 1
    }
    return taken
  }

  /** Behind what was picked comes the next of its lane. */
  #refill(party: Party, most: number): void {
    const { heads, picked } = party
    if (picked === null) return
    party.picked = null
    // others share what is still wanted, so hardly more than its part is needed of this lane
    const part = Math.ceil((this.#parts.wanted - this.#picked.length) / (this.#stay.length + 1))
    const ahead = this.#ring.closed ? Math.max(part, most) : most
    if (!this.#ring.advance(picked, ahead)) heads.splice(heads.indexOf(picked), 1)
  }
}

/** Of the heads of lanes, the one that stands first. */
function firstOf(heads: readonly Head[]): number {
  let first = 0
  for (let index = 1; index < heads.length; index++) {
    const [one, best] = [heads[index]!, heads[first]!]
    if (one.ord < best.ord || (one.ord === best.ord && one.seq < best.seq)) first = index
  }
  return first
}

function before(partition: number): Position {
  return partition === 0 ? FRONT : [partition - 1, BEHIND]
}

function behind({ partition, left, lane }: Spot): Position {
  if (lane > 0) return [partition, lane]
  return left > 0 ? before(partition) : [partition, BEHIND]
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}
