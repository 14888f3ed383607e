/** A demand as the claim takes it, and its rows as claims. */
import { int4s, texts } from './arrays.ts'
import { nonceValue } from './codes.ts'
import { readCounters } from './counters.ts'
import { cursorLists, readCursor, writeCursor, type Place } from './cursors.ts'
import { payloadOf } from './payloads.ts'
import type {
  Claim,
  Demand,
  ExchangeAnswer,
  ExchangeRequest,
  IfFailed,
  Level,
  TaskId,
} from '@millrace/core/store'
import type { Names } from './names.ts'

/** Part 0 is the head: store time, time until the next task, whether the session is alive. */
export type ClaimRow = readonly [
  part: number,
  id: string,
  seq: number,
  runAt: number,
  enqueuedAt: number,
  claimedAt: number,
  epoch: number,
  queue: number,
  route: number,
  terms: number,
  level: number,
  payload: string | null,
  payloadRaw: Uint8Array | null,
  checkpoint: string | null,
  checkpointRaw: Uint8Array | null,
  extra: string | null,
]

/** Whether something out of the ordinary ends the claim, so that it is done step by step. */
export type Strictness = 'strict' | 'lenient'

const NO_DEMAND: Demand = { types: [], offers: [], queues: [], tasksMax: 0, bytesMax: 0, cursor: null }

/** The parameters of a claim. */
export function claimValues(
  { session, nonce, again, demand }: ExchangeRequest,
  seen: number,
  strictness: Strictness,
): unknown[] {
  const { types, offers, queues, tasksMax, bytesMax, cursor } = demand ?? NO_DEMAND
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
  ]
}

export type Claimed = Omit<ExchangeAnswer, 'verdicts' | 'undelivered'>

/** @param names gets to know what the claims refer to */
export async function readClaims(
  names: Names,
  request: ExchangeRequest,
  rows: readonly ClaimRow[],
): Promise<Claimed> {
  const head = rows.find(([part]) => part === 0)!
  const taken = rows.filter(([part]) => part !== 0).sort(inOrder)
  await names.queues.learn(taken.map((row) => row[7]))
  await names.routes.learn(taken.map((row) => row[8]))
  await names.terms.learn(taken.map((row) => row[9]))
  return {
    now: head[3],
    session: head[10] === 1 ? 'alive' : 'dead',
    claims: taken.map((row) => claimOf(names, request.nonce, row)),
    cursor: writeCursor(readCursor(request.demand?.cursor ?? null), lastPlaces(taken)),
    nextInMs: head[2],
  }
}

function inOrder(one: ClaimRow, other: ClaimRow): number {
  return one[0] - other[0] || one[3] - other[3] || one[2] - other[2]
}

/** The last of each line that was claimed from. */
function lastPlaces(rows: readonly ClaimRow[]): readonly Place[] {
  const places = new Map<string, Place>()
  for (const [, , seq, runAt, , , , queue, route, , level] of rows) {
    places.set(`${queue}.${route}.${level}`, { queue, route, level, runAt, seq })
  }
  return [...places.values()]
}

type Extra = readonly [
  deadlineAt: number | null,
  counters: string | null,
  parents: string | null,
  labels: string | null,
]

type Labels = readonly [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

const NO_EXTRA: Extra = [null, null, null, null]
const NONE: readonly never[] = Object.freeze([])
const EMPTY: Readonly<Record<string, string>> = Object.freeze({})
const NO_LABELS: Labels = [NONE, EMPTY, EMPTY]

function claimOf(names: Names, nonce: string, row: ClaimRow): Claim {
  const [, id, , runAt, enqueuedAt, claimedAt, epoch, queue, route, terms, level, text, raw, ...rest] = row
  const [checkpoint, checkpointRaw, extraText] = rest
  const { policy, timeoutMs } = names.terms.value(terms)
  const extra = extraText === null ? NO_EXTRA : (JSON.parse(extraText) as Extra)
  const [deadlineAt, counters, parents, labels] = extra
  const [tags, metadata, headers] = labels === null ? NO_LABELS : (JSON.parse(labels) as Labels)
  const ended = readCounters(counters)
  ended.claims += 1
  return {
    id,
    epoch,
    nonce,
    type: names.routes.value(route).type,
    queue: names.queues.value(queue),
    level: level as Level,
    payload: payloadOf(text, raw)!,
    policy,
    counters: ended,
    enqueuedAt,
    runAt,
    claimedAt,
    timeoutMs,
    deadlineAt,
    after: parents === null ? NONE : (JSON.parse(parents) as [TaskId, IfFailed][]).map(([parent]) => parent),
    tags,
    metadata,
    headers,
    checkpoint: payloadOf(checkpoint, checkpointRaw),
  }
}
