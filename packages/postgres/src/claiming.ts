/** A demand as the claim takes it, and its rows as claims. */
import { int4s, texts } from './arrays.ts'
import {
  nonceValue,
  readCounters,
  type MutableCounters,
  type Claim,
  type Counters,
  type Demand,
  type ExchangeAnswer,
  type ExchangeRequest,
  type IfFailed,
  type Level,
  type TaskId,
} from '@millrace/core/store'
import { cursorLists, readCursor, writeCursor, type Place } from './cursors.ts'
import { payloadOf } from './payloads.ts'
import { turnLists, writeTurn } from './spots.ts'
import type { Names } from './names.ts'

/** Part 0 is the head: store time, time until the next task, whether the session is alive, turns; part -n says what part n is. */
export type ClaimRow = readonly [
  part: number,
  id: string,
  seq: number,
  /** What stands for its due time in line. */
  ord: number | null,
  runAt: number,
  enqueuedAt: number | null,
  claimedAt: number | null,
  epoch: number | null,
  queue: number | null,
  route: number | null,
  terms: number,
  level: number | null,
  payload: string | null,
  payloadRaw: Uint8Array | null,
  checkpoint: string | null,
  checkpointRaw: Uint8Array | null,
  extra: string | null,
]

/** Whether something out of the ordinary ends the claim, so that it is done step by step. */
export type Strictness = 'strict' | 'lenient'

const NO_DEMAND: Demand = {
  types: [],
  offers: [],
  queues: [],
  tasksMax: 0,
  bytesMax: 0,
  cursor: null,
  quantum: 1,
  turn: null,
}

/** The parameters of a claim. */
export function claimValues(
  { session, nonce, again, demand }: ExchangeRequest,
  seen: number,
  strictness: Strictness,
): unknown[] {
  const { types, offers, queues, tasksMax, bytesMax, cursor, quantum, turn } = demand ?? NO_DEMAND
  return [
    seen,
    session,
    nonceValue(nonce),
    again,
    strictness === 'strict',
    texts(types),
    texts(offers),
    texts(queues.map(({ queue }) => queue)),
    int4s(queues.flatMap(({ slots }) => slots)),
    int4s(queues.map((queue) => queue.tasksMax)),
    tasksMax,
    bytesMax,
    ...cursorLists(readCursor(cursor)),
    quantum,
    ...turnLists(turn),
  ]
}

export type Claimed = Omit<ExchangeAnswer, 'verdicts' | 'undelivered'>

/** @param names gets to know what the claims refer to */
export async function readClaims(
  names: Names,
  request: ExchangeRequest,
  rows: readonly ClaimRow[],
): Promise<Claimed> {
  const answer = new Answer(rows)
  const { now, claimed } = answer
  await names.queues.learn(new Set(claimed.map((row) => answer.lineOf(row).queue)))
  await names.routes.learn(new Set(claimed.map((row) => answer.lineOf(row).route)))
  await names.terms.learn(new Set(claimed.map((row) => row[10])))
  return {
    now,
    session: answer.alive === 1 ? 'alive' : 'dead',
    claims: claimed.map((row) => claimOf(names, answer, { nonce: request.nonce, row })),
    cursor: writeCursor(readCursor(request.demand?.cursor ?? null), answer.lastPlaces()),
    turn: writeTurn(answer.turn ?? request.demand?.turn ?? null),
    nextInMs: answer.nextInMs,
  }
}

/** Tasks of one queue, route and level. */
type Line = Pick<Place, 'queue' | 'route' | 'level'>

/** The rows of a claim, apart. */
class Answer {
  readonly now: number
  readonly nextInMs: number | null
  readonly alive: number | null
  readonly turn: string | null
  /** In their order. */
  readonly claimed: readonly ClaimRow[]
  readonly #lines = new Map<number, Line>()

  constructor(rows: readonly ClaimRow[]) {
    const claimed: ClaimRow[] = []
    let head: ClaimRow | undefined
    for (const row of rows) {
      const [part, , , , , , , , queue, route, , level] = row
      if (part > 0) claimed.push(row)
      else if (part === 0) head = row
      else this.#lines.set(-part, { queue: queue!, route: route!, level: level! })
    }
    ;[, , this.nextInMs, , this.now, , , , , , , this.alive] = head!
    this.turn = head![16]
    this.claimed = claimed.sort(inOrder)
  }

  lineOf([part, , , , , , , , queue, route, , level]: ClaimRow): Line {
    return queue === null ? this.#lines.get(part)! : { queue, route: route!, level: level! }
  }

  /** The last of each line that was claimed from; what was claimed in turns says itself where it stood. */
  lastPlaces(): readonly Place[] {
    const places: Place[] = []
    for (const [index, row] of this.claimed.entries()) {
      if (row[0] === this.claimed[index + 1]?.[0] || row[8] !== null) continue
      places.unshift({ ...this.lineOf(row), ord: row[3] ?? row[4], seq: row[2] })
    }
    return places
  }
}

function inOrder(one: ClaimRow, other: ClaimRow): number {
  return one[0] - other[0] || (one[3] ?? one[4]) - (other[3] ?? other[4]) || one[2] - other[2]
}

type Extra = readonly [
  deadlineAt: number | null,
  counters: string | null,
  parents: string | null,
  labels: string | null,
  partition?: string,
]

type Labels = readonly [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

const NO_EXTRA: Extra = [null, null, null, null]
const NONE: readonly never[] = Object.freeze([])
const EMPTY: Readonly<Record<string, string>> = Object.freeze({})
const FIRST_CLAIM: Counters = Object.freeze(withClaim(readCounters(null)))
const NO_LABELS: Labels = [NONE, EMPTY, EMPTY]

function claimOf(
  names: Names,
  answer: Answer,
  { nonce, row }: { readonly nonce: string; readonly row: ClaimRow },
): Claim {
  const [, id, , , runAt, enqueuedAt, claimedAt, epoch, , , terms, , text, raw] = row
  const [checkpoint, checkpointRaw, extraText] = [row[14], row[15], row[16]]
  const { queue, route, level } = answer.lineOf(row)
  const { policy, timeoutMs } = names.terms.value(terms)
  const extra = extraText === null ? NO_EXTRA : (JSON.parse(extraText) as Extra)
  const [deadlineAt, counters, parents, labels, partition = null] = extra
  const [tags, metadata, headers] = labels === null ? NO_LABELS : (JSON.parse(labels) as Labels)
  return {
    id,
    epoch: epoch ?? 1,
    nonce,
    type: names.routes.value(route).type,
    queue: names.queues.value(queue),
    partition,
    level: level as Level,
    payload: payloadOf(text, raw)!,
    policy,
    counters: counters === null ? FIRST_CLAIM : withClaim(readCounters(counters)),
    enqueuedAt: enqueuedAt ?? runAt,
    runAt,
    // another claim may have found it due after this one has read the clock
    claimedAt: claimedAt ?? Math.max(answer.now, runAt),
    timeoutMs,
    deadlineAt,
    after: parents === null ? NONE : (JSON.parse(parents) as [TaskId, IfFailed][]).map(([parent]) => parent),
    tags,
    metadata,
    headers,
    checkpoint: payloadOf(checkpoint, checkpointRaw),
  }
}

function withClaim(counters: MutableCounters): MutableCounters {
  counters.claims += 1
  return counters
}
