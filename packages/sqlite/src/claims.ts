/** On the main thread: claims as the port has them, from the texts that SQL put together. */
import { idsFromBytes } from './codes.ts'
import { readCounters } from '@millrace/core/store'
import { SEPARATOR } from './sizes.ts'
import type { Claim, Counters, IfFailed, Level, TaskId, TaskPolicy } from '@millrace/core/store'
import type { ClaimBundle, ClaimExtra, Known, Lesson } from './wire.ts'

interface Terms {
  readonly policy: TaskPolicy
  readonly timeoutMs: number | null
}

type Labels = [
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>,
]

/** What all claims of an exchange have in common. */
interface Owner {
  readonly nonce: string
  readonly claimedAt: number
}

/** The claims that were read so far, and where each of them stood in line. */
interface Reading {
  readonly claims: Claim[]
  readonly ords: number[]
}

const FIRST: Counters = Object.freeze({ ...readCounters(null), claims: 1 })
const NONE: readonly never[] = Object.freeze([])
const EMPTY: Readonly<Record<string, string>> = Object.freeze({})

/** Reads claims, and remembers the names that they refer to and where their tasks stand in the store. */
export class ClaimReader {
  readonly #types = new Map<number, string>()
  readonly #terms = new Map<number, Terms>()
  readonly #seqs: Map<TaskId, number>
  #known: Known = { routes: 0, terms: 0 }

  /** @param seqs gets the seq of every claimed task */
  constructor(seqs: Map<TaskId, number>) {
    this.#seqs = seqs
  }

  get known(): Known {
    return this.#known
  }

  learn({ routes, terms, known }: Lesson): void {
    for (const { key, type } of routes) this.#types.set(key, type)
    for (const { key, terms: text } of terms) {
      const [policy, timeoutMs] = JSON.parse(text) as [TaskPolicy, number | null]
      this.#terms.set(key, { policy, timeoutMs })
    }
    this.#known = known
  }

  read(bundles: readonly ClaimBundle[], owner: Owner): Claim[] {
    const claims: Claim[] = []
    const ords: number[] = []
    let [queue, level, from] = ['', -1, 0]
    for (const bundle of bundles) {
      if (bundle.queue !== queue || bundle.level !== level) from = claims.length
      ;({ queue, level } = bundle)
      const before = claims.length
      this.#readBundle(bundle, owner, { claims, ords })
      const merges = bundle.order === 'in line' && from < before && ords[before]! <= ords[before - 1]!
      if (merges) this.#sort({ claims, ords }, from)
    }
    return claims
  }

  #readBundle(bundle: ClaimBundle, { nonce, claimedAt }: Owner, { claims, ords: all }: Reading): void {
    const { count, queue } = bundle
    const level = bundle.level as Level
    const ids = idsFromBytes(bundle.ids)
    const seqs = bundle.seqs.split(',')
    const ords = bundle.ords.split(',')
    const delayOf = reader(bundle.delays)
    const termsOf = reader(bundle.terms)
    const routeOf = reader(bundle.routes)
    const payloads = bundle.payloads.split(SEPARATOR)
    const partitions = bundle.partitions === null ? null : namesIn(bundle.partitions)
    const start = claims.length
    for (let at = 0; at < count; at++) {
      const id = ids[at]!
      const runAt = Number(ords[at])
      all.push(runAt)
      const { policy, timeoutMs } = this.#terms.get(termsOf(at))!
      this.#seqs.set(id, Number(seqs[at]))
      claims.push({
        id,
        epoch: 1,
        nonce,
        type: this.#types.get(routeOf(at))!,
        queue,
        partition: partitions === null ? null : partitions[at]!,
        level,
        payload: payloads[at]!,
        policy,
        counters: FIRST,
        enqueuedAt: runAt - delayOf(at),
        runAt,
        claimedAt,
        timeoutMs,
        deadlineAt: null,
        after: NONE,
        tags: NONE,
        metadata: EMPTY,
        headers: EMPTY,
        checkpoint: null,
      })
    }
    for (const extra of bundle.extras) {
      const claim = claims[start + extra.at]!
      claims[start + extra.at] = completed(claim, extra)
    }
  }

  /** Several statements read one level: their claims are put into one order. */
  #sort({ claims, ords }: Reading, from: number): void {
    const level = claims
      .splice(from)
      .map((claim, index) => ({ claim, ord: ords[from + index]!, seq: this.#seqs.get(claim.id)! }))
    level.sort((one, other) => one.ord - other.ord || one.seq - other.seq)
    ords.splice(from)
    for (const { claim, ord } of level) {
      claims.push(claim)
      ords.push(ord)
    }
  }
}

/** Reads a list of numbers, or the one number that all have. */
function reader(list: string | number): (at: number) => number {
  if (typeof list === 'number') return () => list
  const values = list.split(',')
  return (at) => Number(values[at])
}

function namesIn(partitions: string): readonly (string | null)[] {
  return JSON.parse(partitions) as (string | null)[]
}

function completed(claim: Claim, extra: ClaimExtra): Claim {
  const [tags, metadata, headers] =
    extra.labels === null ? [NONE, EMPTY, EMPTY] : (JSON.parse(extra.labels) as Labels)
  const parents = extra.parents === null ? NONE : (JSON.parse(extra.parents) as [TaskId, IfFailed][])
  const ended = readCounters(extra.counters)
  return {
    ...claim,
    epoch: extra.epoch,
    counters: { ...ended, claims: ended.claims + 1 },
    payload: extra.payload ?? claim.payload,
    runAt: extra.runAt,
    deadlineAt: extra.deadlineAt,
    after: parents.map(([parent]) => parent),
    tags,
    metadata,
    headers,
    checkpoint: extra.checkpoint,
  }
}
