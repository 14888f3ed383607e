import { InvalidArgumentError } from '../errors.ts'
import { shown } from '../shown.ts'
import type { Codec } from './codec.ts'

/** What a library of MessagePack has, such as @msgpack/msgpack and msgpackr. */
export interface MessagePackLibrary {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/**
 * MessagePack by a library of yours, which also decides what it carries.
 *
 * @throws InvalidArgumentError if the library has no `encode` and `decode`
 */
export function messagePack(library: MessagePackLibrary): Codec {
  const { encode, decode } = Object(library) as Partial<MessagePackLibrary>
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    throw new InvalidArgumentError(`The library of messagePack is ${shown(library)}.`, {
      hint: "Give what has encode and decode: import * as msgpack from '@msgpack/msgpack'; messagePack(msgpack).",
    })
  }
  return {
    name: 'msgpack',
    encode: (value) => library.encode(value),
    decode: (payload) => {
      if (typeof payload === 'string') throw new Error('it is a text')
      return library.decode(payload)
    },
  }
}
