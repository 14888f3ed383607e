/** Who makes a call, unless that credential asks too often. */
import { BackpressureError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { credentialsOf, type CallOrigin } from './credentials.ts'
import type { Metadata } from '@grpc/grpc-js'
import type { ServerParts } from '../parts.ts'

/** Calls whose callers are known, or looked for, before their handlers ask. */
const known = new WeakMap<Metadata, Promise<Caller>>()

/**
 * Looks once who makes a call: its handler hears the same.
 *
 * @throws AccessError, BackpressureError
 */
export function admitted(
  call: CallOrigin,
  { authenticator, rates }: Pick<ServerParts, 'authenticator' | 'rates'>,
): Promise<Caller> {
  let caller = known.get(call.metadata)
  if (caller === undefined) {
    caller = admit(call, { authenticator, rates })
    known.set(call.metadata, caller)
  }
  return caller
}

async function admit(
  call: CallOrigin,
  { authenticator, rates }: Pick<ServerParts, 'authenticator' | 'rates'>,
): Promise<Caller> {
  const caller = new Caller(await authenticator.authenticate(credentialsOf(call)))
  const waitMs = rates?.take(caller.name) ?? null
  if (waitMs === null) return caller
  throw new BackpressureError('This credential asks too often.', {
    hint: `Wait for ${waitMs} ms. One call can enqueue many tasks, and one stream carries many calls.`,
  })
}
