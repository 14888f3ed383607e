/**
 * Where a task stands beside its route and level, as the tables have it: its lane as text, and two numbers by which the
 * index of what is ready is sorted: of its partition, and of the keys that it counts under and the workers that it
 * prefers. They are hashes of 62 bits, so nobody has to agree on them, or to forget them: two partitions that share a
 * number would share their turns.
 */
import { hash } from 'node:crypto'
import { FLAG } from './codes.ts'
import type { Lane } from '@millrace/core/store'

/** What the columns of a task say about its lane. */
export interface Spot {
  readonly text: string | null
  readonly partition: bigint
  readonly lane: bigint
  readonly flag: number
}

const NOWHERE: Spot = { text: null, partition: 0n, lane: 0n, flag: 0 }
const KNOWN_MAX = 10_000

const known = new Map<string, Spot>()

export function spotOf(lane: Lane | null): Spot {
  return lane === null ? NOWHERE : spotOfText(textOf(lane))
}

type Text = readonly [
  partition: string | null,
  fifo: 0 | 1,
  limits: readonly (readonly [name: string, key: string, cost: number])[],
  ...([] | [prefers: readonly string[], spillMs: number]),
]

function textOf({ partition, fifo, limits, prefers, spillMs }: Lane): string {
  const keys = limits.map(({ name, key, cost }) => [name, key, cost] as const)
  const preference = prefers.length === 0 && spillMs === 0 ? ([] as const) : ([prefers, spillMs] as const)
  const text: Text = [partition, fifo ? 1 : 0, keys, ...preference]
  return JSON.stringify(text)
}

export function spotOfText(text: string | null): Spot {
  if (text === null) return NOWHERE
  const before = known.get(text)
  if (before !== undefined) return before
  const [partition, fifo, limits, ...preference] = JSON.parse(text) as Text
  const alike = [limits.map(([name, key]) => [name, key]), ...preference]
  const isPlain = limits.length === 0 && preference.length === 0
  const spot: Spot = {
    text,
    partition: partitionNumber(partition),
    lane: isPlain ? 0n : numberOf(JSON.stringify(alike)),
    flag: fifo === 1 ? FLAG.inOrder : 0,
  }
  if (known.size >= KNOWN_MAX) known.clear()
  known.set(text, spot)
  return spot
}

export function laneOfText(text: string | null): Lane | null {
  if (text === null) return null
  const [partition, fifo, limits, prefers = [], spillMs = 0] = JSON.parse(text) as Text
  const keys = limits.map(([name, key, cost]) => ({ name, key, cost }))
  return { partition, fifo: fifo === 1, limits: keys, prefers, spillMs }
}

export function partitionNumber(partition: string | null): bigint {
  return partition === null ? 0n : numberOf(partition)
}

/** From 1 to 2^63 - 1. */
function numberOf(name: string): bigint {
  return (hash('sha256', name, 'buffer').readBigUInt64BE(0) >> 1n) | 1n
}
