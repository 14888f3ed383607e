/** What `millrace keys` does, as functions of the records. */
import { InvalidArgumentError } from '@millrace/core'
import { grantsOf, type GrantOptions } from '../grants.ts'
import { KEY_NAME, type KeyRecord } from './records.ts'
import { hashOf, newKeyId, newToken } from './token.ts'

/** The records as they are now, and the key that is shown this once. */
export interface Issued {
  readonly keys: readonly KeyRecord[]
  readonly key: KeyRecord
  /** It is kept nowhere. */
  readonly token: string
}

/** A key that is to be. */
export interface NewKey {
  readonly name: string
  readonly grants: readonly GrantOptions[]
  readonly expiresAt?: Date | undefined
}

/** @throws InvalidArgumentError */
export function createKey(
  keys: readonly KeyRecord[],
  { name, grants, expiresAt }: NewKey,
  now: Date,
): Issued {
  if (!KEY_NAME.test(name))
    throw new InvalidArgumentError(`The name of a key is ${JSON.stringify(name)}.`, {
      hint: 'Give up to 64 letters, digits and _ . @ - that begin with a letter or a digit.',
    })
  grantsOf(grants, `the key ${name}`)
  if (keys.some((key) => key.name === name && isLive(key, now)))
    throw new InvalidArgumentError(`There is a key ${name} already.`, {
      hint: `Give another name, or a new secret to that one: millrace keys rotate ${name}`,
    })
  const id = newKeyId()
  const token = newToken(id)
  const createdAt = now.toISOString()
  const key: KeyRecord = {
    id,
    name,
    secrets: [{ hash: hashOf(token), createdAt }],
    grants,
    createdAt,
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
  }
  return { keys: [...keys, key], key, token }
}

/**
 * A new secret; those from before count until `until`, so that whoever has one can change over.
 *
 * @param which its name or its id
 * @throws InvalidArgumentError
 */
export function rotateKey(
  keys: readonly KeyRecord[],
  { which, until }: { readonly which: string; readonly until: Date },
  now: Date,
): Issued {
  const old = keyNamed(keys, which, now)
  const token = newToken(old.id)
  const kept = old.secrets
    .filter((secret) => !isPast(secret.expiresAt, now))
    .slice(-1)
    .map((secret) => ({ ...secret, expiresAt: earlier(secret.expiresAt, until).toISOString() }))
  const secrets = until > now ? kept : []
  const key = { ...old, secrets: [...secrets, { hash: hashOf(token), createdAt: now.toISOString() }] }
  return { keys: replaced(keys, key), key, token }
}

/** @param which its name or its id. @throws InvalidArgumentError */
export function revokeKey(keys: readonly KeyRecord[], which: string, now: Date): readonly KeyRecord[] {
  return replaced(keys, { ...keyNamed(keys, which, now), revokedAt: now.toISOString() })
}

/** Whether it counts at that time. */
export function isLive({ expiresAt, revokedAt }: KeyRecord, now: Date): boolean {
  return revokedAt === undefined && !isPast(expiresAt, now)
}

export function isPast(at: string | undefined, now: Date): boolean {
  return at !== undefined && Date.parse(at) <= now.getTime()
}

function keyNamed(keys: readonly KeyRecord[], which: string, now: Date): KeyRecord {
  const found =
    keys.find(({ id }) => id === which) ?? keys.find((key) => key.name === which && isLive(key, now))
  if (found !== undefined && isLive(found, now)) return found
  throw new InvalidArgumentError(
    found === undefined ? `There is no key ${JSON.stringify(which)}.` : `The key ${which} counts no more.`,
    { hint: 'See what there is: millrace keys list' },
  )
}

function replaced(keys: readonly KeyRecord[], key: KeyRecord): readonly KeyRecord[] {
  return keys.map((one) => (one.id === key.id ? key : one))
}

function earlier(at: string | undefined, other: Date): Date {
  return at !== undefined && Date.parse(at) < other.getTime() ? new Date(at) : other
}
