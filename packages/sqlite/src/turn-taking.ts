/** Takes from a level whose partitions take turns, or that something may hold back. */
import { LEAVE_LANE_UP_TO } from './statements/lanes.ts'
import { levelName, plan, type Picked, type Plan, type Rest } from './planning.ts'
import { countFitting, endExpired, hasExpired, readPicked, run, type Claiming } from './taking.ts'
import type { Head, Source } from './ring.ts'

/** What is planned is carried out unless times are over, or payloads are too large: then it is planned anew. @returns how many were taken */
export function takeByTurns(claiming: Claiming, source: Source, wanted: number): number {
  const { pass, ledger } = claiming
  for (let most = wanted; most > 0;) {
    const planned = planFor(claiming, source, most)
    if (planned.picked.length === 0) {
      carryOut(claiming, source, planned)
      return 0
    }
    const batch = readPicked(
      pass,
      planned.picked.map(({ seq }) => seq),
    )
    const expired = hasExpired(pass, batch)
    const fitting = expired ? 0 : countFitting(claiming, batch)
    if (!expired && fitting === batch.count) {
      run(claiming, source, { batch, order: 'turns', counted: countedOf(claiming, planned) })
      leaveLanes(claiming, source, planned.picked)
      carryOut(claiming, source, planned)
      return fitting
    }
    ledger.takeBack()
    if (expired) endExpired(claiming, batch.seqs)
    else claiming.cut = true
    if (expired && claiming.cut) return 0
    if (!expired) most = fitting
  }
  return 0
}

/** What is left in a level, as far as is known: if nobody has looked yet, by a plan for one more. */
export function restOf(claiming: Claiming, source: Source): Rest {
  const known = claiming.rests.get(levelName(source))
  if (known !== undefined || claiming.hopsLeft === 0) return known ?? 'more'
  const { picked, rest } = planFor(claiming, source, 1)
  claiming.ledger.takeBack()
  return picked.length > 0 ? 'more' : rest!
}

function planFor(claiming: Claiming, source: Source, wanted: number): Plan {
  const { pass, ledger, turns, quantum, hopsLeft, hopsShared } = claiming
  const hops = hopsShared ? Math.ceil(hopsLeft / 2) : hopsLeft
  return plan(pass, source, { ledger, turns, quantum, wanted, hops })
}

/** Seqs by the usages that count them, as JSON; `null`: none is counted. */
function countedOf({ ledger }: Claiming, { picked }: Plan): string | null {
  const byUsages = new Map<string, number[]>()
  for (const { seq, charges } of picked) {
    const counted = ledger.countedBy(charges)
    const alike = byUsages.get(counted)
    if (alike === undefined) byUsages.set(counted, [seq])
    else alike.push(seq)
  }
  if (byUsages.size === 1 && byUsages.has('')) return null
  return JSON.stringify(Object.fromEntries(byUsages))
}

function leaveLanes({ pass }: Claiming, { served, level }: Source, picked: readonly Picked[]): void {
  // those of one lane stand in its order, so the last of them stays
  const last = new Map<Head, Picked>(picked.map((one) => [one.head, one]))
  for (const [{ route, partition, lane }, { ord, seq }] of last)
    pass.database.run(LEAVE_LANE_UP_TO, served.queue, route, level, partition, lane, ord, seq)
}

function carryOut(claiming: Claiming, source: Source, { spot, hops, rest }: Plan): void {
  claiming.ledger.keep()
  claiming.hopsLeft -= hops
  const name = levelName(source)
  if (spot !== null) claiming.turns.stop(name, spot)
  if (rest !== null) claiming.rests.set(name, rest)
}
