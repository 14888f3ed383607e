/** What comes in is copied and frozen, so that it can go out as it is; only bytes cannot be frozen. */
import { utf8Bytes } from '../../task/limits.ts'
import type { Payload } from '../records.ts'

/** A deep copy of plain data that nobody can change any more. */
export function frozenCopy<T>(value: T): T {
  return copied(value) as T
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.slice()
  if (Array.isArray(value)) return Object.freeze(value.map(copied))
  const copy: Record<string, unknown> = { ...value }
  for (const key in copy) {
    const member = copy[key]
    if (typeof member === 'object' && member !== null) copy[key] = copied(member)
  }
  return Object.freeze(copy)
}

/** A payload for whoever asked: they may do with its bytes what they like. */
export function handedOut<P extends Payload | null>(payload: P): P | Uint8Array {
  return payload instanceof Uint8Array ? payload.slice() : payload
}

/** Length of a payload in bytes. */
export function payloadBytes(payload: Payload | null): number {
  if (payload === null) return 0
  return typeof payload === 'string' ? utf8Bytes(payload) : payload.length
}
