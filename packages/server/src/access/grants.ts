/** Grants as they are written down: in options, in the file of keys, in the claims of a token. */
import { checkMembers, InvalidArgumentError, type Members } from '@millrace/core'
import { ROLES, type Role } from './roles.ts'
import { QueuePattern } from './queue-pattern.ts'
import type { Grant } from './caller.ts'

/** A role and the queues for which it is given, as plain data. */
export interface GrantOptions {
  readonly role: Role
  /** Patterns: `media` (that queue), `media.*` (one segment more), `media.**` (one or more), `**` (every queue). */
  readonly queues: readonly string[]
}

const GRANTS_MAX = 64
const QUEUES_MAX = 256
const MEMBERS: Members<GrantOptions> = { role: true, queues: true }
const HINT = `Give a list like [{ role: 'producer', queues: ['media.*'] }]; the roles are ${ROLES.join(', ')}.`

/**
 * @param what whose they are, for the error: `the key ci`
 * @throws InvalidArgumentError
 */
export function grantsOf(given: unknown, what: string): readonly Grant[] {
  if (!Array.isArray(given) || given.length === 0 || given.length > GRANTS_MAX)
    throw new InvalidArgumentError(`The grants of ${what} are no list of 1 to ${GRANTS_MAX}.`, { hint: HINT })
  return given.map((one: unknown) => grantOf(one, what))
}

function grantOf(given: unknown, what: string): Grant {
  checkMembers(given, MEMBERS, `a grant of ${what}`)
  const { role, queues } = given as Readonly<Record<keyof GrantOptions, unknown>>
  if (!isRole(role))
    throw new InvalidArgumentError(`A grant of ${what} has no role that is known.`, { hint: HINT })
  const isList = Array.isArray(queues) && queues.length > 0 && queues.length <= QUEUES_MAX
  if (!isList || !queues.every((queue) => typeof queue === 'string'))
    throw new InvalidArgumentError(`A grant of ${what} names no queues.`, { hint: HINT })
  return { role, queues: queues.map((queue) => new QueuePattern(queue)) }
}

/**
 * A grant as it is typed: `producer:media.*,mail`.
 *
 * @throws InvalidArgumentError
 */
export function parseGrant(text: string): GrantOptions {
  const at = text.indexOf(':')
  const role = text.slice(0, at)
  const queues = text
    .slice(at + 1)
    .split(',')
    .map((queue) => queue.trim())
  if (at < 1 || !isRole(role))
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no grant.`, {
      hint: `Write ROLE:QUEUES, as in producer:media.*,mail; the roles are ${ROLES.join(', ')}.`,
    })
  for (const queue of queues) void new QueuePattern(queue)
  return { role, queues }
}

/** The same as `parseGrant` reads it. */
export function shownGrant({ role, queues }: GrantOptions): string {
  return `${role}:${queues.join(',')}`
}

function isRole(role: unknown): role is Role {
  return (ROLES as readonly unknown[]).includes(role)
}
