/** Who makes a call, unless that credential asks too often. */
import { BackpressureError } from '@millrace/core'
import { Caller } from '../access/caller.ts'
import { credentialsOf, type CallOrigin } from './credentials.ts'
import type { ServerParts } from '../parts.ts'

/** @throws AccessError, BackpressureError */
export async function admitted(
  call: CallOrigin,
  { authenticator, rates }: Pick<ServerParts, 'authenticator' | 'rates'>,
): Promise<Caller> {
  const caller = new Caller(await authenticator.authenticate(credentialsOf(call)))
  checkRate(caller, rates)
  return caller
}

/** @throws BackpressureError */
export function checkRate({ name }: Caller, rates: ServerParts['rates']): void {
  const waitMs = rates?.take(name) ?? null
  if (waitMs === null) return
  throw new BackpressureError('This credential asks too often.', {
    hint: `Wait for ${waitMs} ms. One call can enqueue many tasks, and one stream carries many calls.`,
  })
}
