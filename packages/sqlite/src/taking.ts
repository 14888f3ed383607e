/** Takes tasks: reads what they need, and makes them run. */
import {
  EXPIRED_OF,
  LEAVE_READY_UP_TO,
  READ_EXTRAS,
  READ_LISTS,
  READ_PICKED,
  READ_SIZES,
  RUN_ANY,
  RUN_COUNTED,
  RUN_FRESH,
  RUN_FRESH_COUNTED,
} from './statements/claiming.ts'
import { RELEASE_KEYS } from './statements/keys.ts'
import { endOverdue } from './overdue.ts'
import { EXTRA } from './tasks.ts'
import type { Connection } from './database.ts'
import type { Pass } from './home.ts'
import type { Rest } from './planning.ts'
import type { Source } from './ring.ts'
import type { Turns } from './turns.ts'
import type { Ledger } from './usages.ts'
import type { ClaimBundle, ClaimExtra } from './wire.ts'

/** What SQL puts together about tasks that are to be claimed (`readClaims`). */
export type BatchRow = readonly [
  count: number,
  size: number,
  extra: number,
  expiresAt: number | null,
  delayMin: number,
  delayMax: number,
  termsMin: number,
  termsMax: number,
  routeMin: number,
  routeMax: number,
  seqs: string,
  ids: Uint8Array,
  ords: string,
  payloads: string,
  partitions: string | null,
]

export interface Batch {
  readonly count: number
  readonly size: number
  readonly extra: number
  readonly expiresAt: number | null
  /** What is the same for all; `null`: something differs. */
  readonly same: { readonly delays: number; readonly terms: number; readonly routes: number } | null
  readonly seqs: string
  readonly ids: Uint8Array
  readonly ords: string
  readonly payloads: string
  readonly partitions: string | null
}

export function batchOf(row: BatchRow): Batch {
  const [count, size, extra, expiresAt, delayMin, delayMax, termsMin, termsMax, ...rest] = row
  const [routeMin, routeMax, seqs, ids, ords, payloads, partitions] = rest
  const alike = delayMin === delayMax && termsMin === termsMax && routeMin === routeMax
  const same = alike ? { delays: delayMin, terms: termsMin, routes: routeMin } : null
  return { count, size, extra, expiresAt, same, seqs, ids, ords, payloads, partitions }
}

export interface Claiming {
  readonly pass: Pass
  readonly session: number
  readonly nonce: bigint
  readonly quantum: number
  readonly turns: Turns
  readonly ledger: Ledger
  /** What is left behind in levels that go by lanes, by their names. */
  readonly rests: Map<string, Rest>
  readonly bundles: ClaimBundle[]
  tasksLeft: number
  bytesLeft: number
  endsLeft: number
  /** How many lanes may still be come by. */
  hopsLeft: number
  /** Whether other levels need some of them, too. */
  hopsShared: boolean
  /** A payload, or too many ends, cut the claim short. */
  cut: boolean
}

export function readPicked({ database }: Pass, seqs: readonly number[]): Batch {
  return batchOf(database.get<BatchRow>(READ_PICKED, `[${seqs.join(',')}]`)!)
}

/** Whether the time of any is over. */
export function hasExpired({ now }: Pass, { expiresAt }: Batch): boolean {
  return expiresAt !== null && expiresAt <= now
}

/** Ends those whose time is over, as far as one claim may. */
export function endExpired(claiming: Claiming, seqs: string): void {
  const { pass } = claiming
  const expired = pass.database.all<[number]>(EXPIRED_OF, `[${seqs}]`, pass.now)
  for (const [seq] of expired) {
    if (claiming.endsLeft === 0) {
      claiming.cut = true
      return
    }
    claiming.endsLeft -= 1
    endOverdue(pass, seq)
  }
}

/** How many tasks stay below the limit of bytes: the first of a claim does, whatever its size. */
export function countFitting({ pass, bytesLeft, bundles }: Claiming, { count, size, seqs }: Batch): number {
  if (size <= bytesLeft) return count
  let left = bytesLeft
  let fitting = 0
  for (const [size] of pass.database.all<[number]>(READ_SIZES, `[${seqs}]`)) {
    if (size > left && (fitting > 0 || bundles.length > 0)) break
    left -= size
    fitting += 1
  }
  return fitting
}

interface Taken {
  readonly batch: Batch
  readonly order: ClaimBundle['order']
  /** Seqs by the usages that count them, as JSON; `null`: none is counted. */
  readonly counted: string | null
}

/** These tasks run. It is for the caller to take them from where they were ready. */
export function run(
  claiming: Claiming,
  { served, level }: Source,
  { batch, order, counted }: Taken,
): ClaimBundle {
  const { pass, session, nonce } = claiming
  const { database, now } = pass
  const { count, size, extra } = batch
  const bundle = bundleOf(pass, batch, { queue: served.name, level, order })
  const [fresh, any] = counted === null ? [RUN_FRESH, RUN_ANY] : [RUN_FRESH_COUNTED, RUN_COUNTED]
  database.run(extra === 0 ? fresh : any, served.queue, session, nonce, now, counted ?? `[${bundle.seqs}]`)
  if (extra >= EXTRA.key) database.run(RELEASE_KEYS, `[${bundle.seqs}]`)
  claiming.bundles.push(bundle)
  claiming.tasksLeft -= count
  claiming.bytesLeft -= size
  return bundle
}

/** Tasks without a lane, which stood at the heads of their routes, are not ready any more. */
export function leaveHeads(
  { database }: Pass,
  { served, level }: Source,
  { seqs, ords, routes }: ClaimBundle,
): void {
  const taken = typeof routes === 'number' ? [routes] : new Set(routes.split(','))
  for (const route of taken) {
    // both lists are in the order of the claim, so the last of each belong together
    database.run(LEAVE_READY_UP_TO, served.queue, Number(route), level, lastOf(ords), lastOf(seqs))
  }
}

function lastOf(list: string): number {
  return Number(list.slice(list.lastIndexOf(',') + 1))
}

/** What is the same for all of a batch is said once. */
export function bundleOf(
  { database }: Pass,
  batch: Batch,
  from: Pick<ClaimBundle, 'queue' | 'level' | 'order'>,
): ClaimBundle {
  const { count, extra, seqs, ids, ords, payloads, partitions } = batch
  const extras = extra === 0 ? [] : database.objects<ClaimExtra>(READ_EXTRAS, `[${seqs}]`)
  return {
    ...from,
    ...(batch.same ?? listsOf(database, seqs)),
    count,
    seqs,
    ids,
    ords,
    payloads,
    partitions,
    extras,
  }
}

function listsOf(database: Connection, seqs: string): Pick<ClaimBundle, 'delays' | 'terms' | 'routes'> {
  const [delays, terms, routes] = database.get<[string, string, string]>(READ_LISTS, `[${seqs}]`)!
  return { delays, terms, routes }
}
