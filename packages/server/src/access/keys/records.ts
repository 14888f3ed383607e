/** What is kept of API keys, and the file that holds it. */
import { InvalidArgumentError } from '@millrace/core'
import { z } from 'zod'
import { grantsOf, type GrantOptions } from '../grants.ts'
import { ROLES } from '../roles.ts'

/** A secret of a key: more than one counts while a key is rotated. */
export interface KeySecret {
  /** SHA-256 of the whole key, in hexadecimal. The key itself is kept nowhere. */
  readonly hash: string
  /** ISO 8601. */
  readonly createdAt: string
  /** ISO 8601: from then on it does not count. */
  readonly expiresAt?: string | undefined
}

/** An API key, as it is kept. */
export interface KeyRecord {
  /** Stands in the key itself: `mr_ID_…`. */
  readonly id: string
  /** For people, and in logs and audit: `key:NAME`. */
  readonly name: string
  /** One, and while the key is rotated two. */
  readonly secrets: readonly KeySecret[]
  readonly grants: readonly GrantOptions[]
  /** ISO 8601. */
  readonly createdAt: string
  /** ISO 8601: from then on it does not count. */
  readonly expiresAt?: string | undefined
  /** ISO 8601: it does not count any more, whatever else it says. */
  readonly revokedAt?: string | undefined
}

const KEYS_MAX = 10_000
/** 8 MiB. */
export const KEY_FILE_BYTES_MAX = 8_388_608
export const KEY_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/

const date = z.iso.datetime({ offset: true })
const record = z.strictObject({
  id: z.string().regex(/^[0-9A-Za-z]{1,32}$/),
  name: z.string().regex(KEY_NAME),
  secrets: z
    .array(
      z.strictObject({
        hash: z.string().regex(/^[0-9a-f]{64}$/),
        createdAt: date,
        expiresAt: date.optional(),
      }),
    )
    .min(1)
    .max(4),
  grants: z.array(z.strictObject({ role: z.enum(ROLES), queues: z.array(z.string()) })),
  createdAt: date,
  expiresAt: date.optional(),
  revokedAt: date.optional(),
})
const file = z.strictObject({ version: z.literal(1), keys: z.array(record).max(KEYS_MAX) })

/** What stands in the file. @throws InvalidArgumentError; what it says is not repeated */
export function parseKeys(text: string, what: string): readonly KeyRecord[] {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError(`${what} is no JSON.`, { hint: HINT })
  }
  const parsed = file.safeParse(data)
  if (!parsed.success) throw wrong(parsed.error, what)
  checkUnique(parsed.data.keys, what)
  return parsed.data.keys
}

/** Records that were given by a program. @throws InvalidArgumentError */
export function checkedRecords(given: unknown, what: string): readonly KeyRecord[] {
  const parsed = z.array(record).max(KEYS_MAX).safeParse(given)
  if (!parsed.success) throw wrong(parsed.error, what)
  checkUnique(parsed.data, what)
  return parsed.data
}

export function writtenKeys(keys: readonly KeyRecord[]): string {
  return `${JSON.stringify({ version: 1, keys }, null, 2)}\n`
}

const HINT = 'It is written by `millrace keys`; mend it, or take the copy that was there before.'

function checkUnique(keys: readonly KeyRecord[], what: string): void {
  const seen = new Set<string>()
  for (const { id, name, grants } of keys) {
    if (seen.has(id)) throw new InvalidArgumentError(`${what} has the key ${id} twice.`, { hint: HINT })
    seen.add(id)
    try {
      grantsOf(grants, `the key ${name}`)
    } catch (cause) {
      const { message, hint } = cause as InvalidArgumentError
      throw new InvalidArgumentError(`${what} is wrong: ${message}`, { hint, cause })
    }
  }
}

function wrong(error: z.ZodError, what: string): InvalidArgumentError {
  const [issue] = error.issues
  const place = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`
  return new InvalidArgumentError(`${what} is wrong${place}: ${issue?.code ?? 'it cannot be read'}.`, {
    hint: HINT,
  })
}
