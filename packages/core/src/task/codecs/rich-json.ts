/**
 * JSON with Date, Map, Set, bigint and bytes in it. What JSON lacks is an object with one member, `$` and the name of
 * what it is; an object of the user's that has a member `$` is wrapped the same way.
 */
import { isPlain } from '../json-check.ts'
import { InvalidPayloadError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { base64Bytes, base64Text } from '../../platform/cipher.ts'
import { shown } from '../shown.ts'
import type { Codec } from './codec.ts'

type Tagged = { readonly $: string; readonly of: unknown }

/** Carries what JSON does, and Date, Map, Set, bigint and Uint8Array anywhere inside. */
export const richJson: Codec = {
  name: 'rich-json',
  encode: (value) => JSON.stringify(new Writer().written(value, 0)),
  decode: (payload) => {
    if (typeof payload !== 'string') throw new Error('it is no text')
    return read(JSON.parse(payload))
  },
}

class Writer {
  /** No value takes less than a byte: what is shared many times over is refused before it fills the memory. */
  #left: number = LIMITS.payloadBytes

  written(value: unknown, depth: number): unknown {
    this.#left -= 1
    if (this.#left < 0) throw refused('holds too much')
    if (depth > LIMITS.jsonDepth) throw refused(`goes deeper than ${LIMITS.jsonDepth} levels, or in a circle`)
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value
      case 'number':
        if (Number.isFinite(value)) return value
        throw refused(`has ${value} in it`)
      case 'bigint':
        return tagged('bigint', String(value))
      case 'object':
        return value === null ? null : this.#object(value, depth + 1)
      default:
        throw refused(`has ${shown(value)} in it`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return Array.from(value, (one) => this.written(one, depth))
    if (isPlain(value)) return this.#members(value, depth)
    switch (kindOf(value)) {
      case 'Date':
        return tagged('date', isoTime(value as Date))
      case 'Map':
        return tagged(
          'map',
          Array.from(value as Map<unknown, unknown>, ([key, one]) => [
            this.written(key, depth),
            this.written(one, depth),
          ]),
        )
      case 'Set':
        return tagged(
          'set',
          Array.from(value as Set<unknown>, (one) => this.written(one, depth)),
        )
      case 'Uint8Array':
        return tagged('bytes', base64Text(value as Uint8Array))
      default:
        throw refused('has an instance of a class in it')
    }
  }

  #members(value: object, depth: number): unknown {
    const written: Record<string, unknown> = {}
    for (const key of Object.keys(value)) {
      const member = (value as Readonly<Record<string, unknown>>)[key]
      if (member !== undefined) put(written, key, this.written(member, depth))
    }
    return Object.hasOwn(value, '$') ? tagged('object', written) : written
  }
}

/** By the tag, which those of another realm have too. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1)
}

function isoTime(date: Date): string {
  const ms = Number(date)
  if (Number.isNaN(ms)) throw refused('has an invalid Date in it')
  return date.toISOString()
}

function tagged($: string, of: unknown): Tagged {
  return { $, of }
}

function refused(message: string): InvalidPayloadError {
  return new InvalidPayloadError(`The value ${message}.`, [{ path: '', message }], {
    hint: 'richJson carries JSON, Date, Map, Set, bigint and Uint8Array.',
  })
}

function read(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(read)
  if (!Object.hasOwn(value, '$')) return readMembers(value)
  const { $, of } = value as Tagged
  switch ($) {
    case 'bigint':
      return BigInt(of as string)
    case 'date':
      return new Date(of as string)
    case 'map':
      return new Map((of as [unknown, unknown][]).map(([key, one]) => [read(key), read(one)]))
    case 'set':
      return new Set((of as unknown[]).map(read))
    case 'bytes':
      return new Uint8Array(base64Bytes(of as string))
    case 'object':
      return readMembers(of as object)
    default:
      throw new Error(`it has ${shown($)} in it, which this version does not know`)
  }
}

function readMembers(object: object): unknown {
  const members: Record<string, unknown> = {}
  for (const key of Object.keys(object))
    put(members, key, read((object as Readonly<Record<string, unknown>>)[key]))
  return members
}

/** As an own member, whatever it is called: to assign `__proto__` would set the prototype. */
function put(members: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') members[key] = value
  else Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true })
}
