import { base64Bytes, decrypt, encrypt, secretKey, type SecretKey } from '../../platform/cipher.ts'
import { DecryptionError, InvalidArgumentError } from '../errors.ts'
import { checkMembers, reading, type Members } from '../members.ts'
import { shown } from '../shown.ts'
import { sealedWith, type Codec, type PayloadPlace, type Seal, type Sealed } from './codec.ts'
import { ENCRYPTED, flat, frame, hasMark, unflat, unframe } from './frame.ts'

/** The keys that `encrypted` reads and writes with. */
export interface EncryptionOptions {
  /**
   * The keys by their ids: 32 random bytes each, or the same in base64. An id is 1 to 64 letters, digits, `_`, `.`, `-`,
   * and stands in the clear beside what its key has encrypted.
   */
  readonly keys: Readonly<Record<string, Uint8Array | string>>
  /** The id of the key to encrypt with; all of them decrypt. */
  readonly use: string
  /** What was kept without encryption: `refuse`, the default, or `accept`, as long as such tasks are queued. */
  readonly plain?: 'refuse' | 'accept' | undefined
}

const MEMBERS: Members<EncryptionOptions> = { keys: true, use: true, plain: true }
const KEY_ID = /^[\w.-]{1,64}$/
const KEY_BYTES = 32

/** Whose run it is of a schedule is not known when its input is encrypted. */
const OF_ONE_TASK = 0
const OF_A_SCHEDULE = 1

const encoder = new TextEncoder()

/**
 * The codec, and what it encodes is encrypted by AES-256-GCM, bound to what it is (input, result, checkpoint), the task's
 * id and type, and for inputs its queue: elsewhere it is refused.
 *
 * @throws InvalidArgumentError
 */
export function encrypted<C extends Codec>(codec: C, options: EncryptionOptions): Sealed<C> {
  checkMembers(options, MEMBERS, 'encrypted')
  return sealedWith(codec, new Encryption(options))
}

class Encryption implements Seal {
  readonly name = 'encrypted'
  readonly #keys: ReadonlyMap<string, SecretKey>
  readonly #use: string
  readonly #plain: 'refuse' | 'accept'

  constructor({ keys, use, plain = 'refuse' }: EncryptionOptions) {
    this.#keys = checkedKeys(keys)
    if (!this.#keys.has(use))
      // what is given may be the key itself
      throw new InvalidArgumentError('use names none of the keys.', {
        hint: `It is the id of one of them: ${[...this.#keys.keys()].join(', ') || 'none is given'}.`,
      })
    if (plain !== 'refuse' && plain !== 'accept')
      throw new InvalidArgumentError(`plain is ${shown(plain)}.`, { hint: "It is 'refuse' or 'accept'." })
    this.#use = use
    this.#plain = plain
  }

  seal(payload: string | Uint8Array, place: PayloadPlace): Uint8Array {
    const id = this.#use
    const scope = place.id === null ? OF_A_SCHEDULE : OF_ONE_TASK
    const bytes = encrypt(flat(payload), this.#keys.get(id)!, boundTo(place, { id, scope }))
    const body = new Uint8Array(bytes.length + 1)
    body[0] = scope
    body.set(bytes, 1)
    return frame(ENCRYPTED, id, body)
  }

  open(payload: string | Uint8Array, place: PayloadPlace): string | Uint8Array {
    const what = `The ${place.what} of ${place.type}`
    if (!hasMark(payload, ENCRYPTED)) {
      if (this.#plain === 'accept') return payload
      throw new DecryptionError(`${what} is not encrypted.`, null, {
        hint: "If it was enqueued before its definition had keys, say so: encrypted(codec, { …, plain: 'accept' }).",
      })
    }
    const { name: id, body } = unframe(payload)
    const key = this.#keys.get(id)
    if (key === undefined) {
      throw new DecryptionError(`${what} was encrypted with the key ${shown(id)}, which is not there.`, id, {
        hint: 'Keep a key until nothing is left that it has encrypted; give a new one to all workers before any client uses it.',
      })
    }
    try {
      return unflat(decrypt(body.subarray(1), key, boundTo(place, { id, scope: body[0]! })))
    } catch (cause) {
      throw new DecryptionError(`${what} cannot be decrypted with the key ${shown(id)}.`, id, {
        cause,
        hint: 'It was changed, moved here from another task, type or queue, or the key of this id is another one now.',
      })
    }
  }
}

function checkedKeys(keys: EncryptionOptions['keys']): ReadonlyMap<string, SecretKey> {
  if (typeof keys !== 'object' || keys === null)
    throw new InvalidArgumentError(`keys is ${shown(keys)}.`, {
      hint: 'It is an object of keys by their ids.',
    })
  const checked = new Map<string, SecretKey>()
  for (const [id, key] of reading('keys', () => Object.entries<unknown>(keys))) {
    const bytes = typeof key === 'string' ? base64Bytes(key) : key
    // a key is never shown, whatever is wrong with it
    if (!KEY_ID.test(id) || !(bytes instanceof Uint8Array) || bytes.length !== KEY_BYTES)
      throw new InvalidArgumentError(`${KEY_ID.test(id) ? `The key ${shown(id)}` : 'A key'} cannot be one.`, {
        hint: 'Its id is 1 to 64 letters, digits, `_`, `.`, `-`; the key 32 random bytes, as of `openssl rand -base64 32`.',
      })
    checked.set(id, secretKey(bytes))
  }
  return checked
}

function boundTo(
  { what, id, type, queue }: PayloadPlace,
  key: { readonly id: string; readonly scope: number },
): Uint8Array {
  const task = key.scope === OF_ONE_TASK ? id : null
  return encoder.encode(JSON.stringify(['millrace', key.id, key.scope, what, task, type, queue]))
}
