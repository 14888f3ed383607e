/** Claims as the port has them. */
import { AT, FLAG } from './layout.ts'
import { extrasOf, idOf, numberIn, payloadOf, taggedPayload } from './reading.ts'
import { bodyFrom, countersOf, labelsOf, parentsOf, payloadIn, termsIn, type Raw } from './records.ts'
import type { Claim, Counters, Level, Nonce } from '@millrace/core/store'
import type { Names } from './names.ts'
import type { Reply } from './line.ts'

export interface Claimed {
  readonly nonce: Nonce
  readonly at: number
  /** { id, record, … } */
  readonly claims: readonly Buffer[]
  /** { index, extras, payload that stands apart, … } */
  readonly more: readonly Reply[]
}

const FIRST_CLAIM: Counters = countersOf(undefined, 1)
const NO_TEXTS: readonly string[] = Object.freeze([])
const NO_RECORD: Readonly<Record<string, string>> = Object.freeze({})

export function claimsOf({ nonce, at, claims, more }: Claimed, names: Names): readonly Claim[] {
  const answers: Claim[] = []
  let next = 0
  for (let index = 0; 2 * index < claims.length; index++) {
    const id = idOf(claims[2 * index]!, 0)
    const record = claims[2 * index + 1]!
    const isPlain = more[next] !== index
    const extras = isPlain ? NO_EXTRAS : extrasOf(more[next + 1] as readonly Buffer[])
    const claim = plainClaim({ id, record, extras }, names)
    if (isPlain) {
      answers.push({ ...claim, nonce, claimedAt: at })
      continue
    }
    const raw = { id, record, run: NOTHING, extras, apart: more[next + 2] as Buffer }
    answers.push({ ...claim, nonce, claimedAt: at, ...unusual(raw) })
    next += 3
  }
  return answers
}

const NOTHING = Buffer.alloc(0)

const NO_EXTRAS = extrasOf([])

function plainClaim(
  { id, record, extras }: Pick<Raw, 'id' | 'record' | 'extras'>,
  names: Names,
): Omit<Claim, 'nonce' | 'claimedAt'> {
  const { type } = names.routeOf.get(record.readUIntBE(AT.route, 3))!
  const { policy, timeoutMs } = termsIn(record, extras, names)
  const binary = (record.readUInt16BE(AT.flags) & FLAG.binary) !== 0
  return {
    id,
    epoch: record.readUInt32BE(AT.epoch) + 1,
    type,
    queue: names.queueOf.get(record.readUIntBE(AT.queue, 3))!,
    partition: names.lanes.partitionOf(record),
    level: record[AT.level] as Level,
    payload: payloadOf(record, bodyFrom(record), binary),
    policy,
    counters: FIRST_CLAIM,
    enqueuedAt: record.readUIntBE(AT.enqueuedAt, 6),
    runAt: record.readUIntBE(AT.runAt, 6),
    timeoutMs,
    deadlineAt: null,
    after: NO_TEXTS,
    tags: NO_TEXTS,
    metadata: NO_RECORD,
    headers: NO_RECORD,
    checkpoint: null,
  }
}

function unusual(raw: Raw): Partial<Claim> {
  const { extras } = raw
  const [tags, metadata, headers] = labelsOf(extras)
  const checkpoint = extras.get('ck')
  return {
    payload: payloadIn(raw),
    counters: countersOf(extras.get('n'), 1),
    deadlineAt: numberIn(extras, 'dl'),
    after: parentsOf(extras).map(({ parent }) => parent),
    tags,
    metadata,
    headers,
    checkpoint: checkpoint === undefined ? null : taggedPayload(checkpoint),
  }
}
