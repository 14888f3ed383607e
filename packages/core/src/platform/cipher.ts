import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

export type SecretKey = KeyObject

/** @param bytes 32 of them */
export function secretKey(bytes: Uint8Array): SecretKey {
  return createSecretKey(bytes)
}

/** The bytes of a text in base64 or base64url. */
export function base64Bytes(text: string): Uint8Array {
  return Buffer.from(text, 'base64')
}

export function base64Text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Encrypts with AES-256-GCM under a nonce of 96 random bits.
 *
 * @param bound what has to be the same when it is decrypted; it is not part of the answer
 * @returns the nonce, the tag of 128 bits, and the ciphertext
 */
export function encrypt(plain: Uint8Array, key: SecretKey, bound: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound)
  const head = cipher.update(plain)
  const rest = cipher.final()
  return Buffer.concat([nonce, cipher.getAuthTag(), head, rest])
}

/** @throws if the key is another one, or anything of it or of what it is bound to was changed */
export function decrypt(sealed: Uint8Array, key: SecretKey, bound: Uint8Array): Uint8Array {
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const tag = sealed.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES)
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(bound).setAuthTag(tag)
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
}
