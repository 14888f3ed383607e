/** Leases, as they travel. */
import * as scripts from './lua/scripts.ts'
import { aliveOrDead } from './renewing.ts'
import type { SessionOrderRequest, SessionRequest } from '@millrace/core/store'
import type { Home } from './home.ts'

export async function openSession(
  home: Home,
  { session, ttlMs, definitions, ...profile }: SessionRequest,
): Promise<{ readonly session: 'alive' | 'dead'; readonly now: number }> {
  const reply = await home.ask(scripts.openSession, (packer) => {
    packer.array(4).id(session).int(ttlMs).text(JSON.stringify(profile))
    packer.array(2 * definitions.length)
    for (const definition of definitions) packer.text(definition.type).text(JSON.stringify(definition))
  })
  const [state, now] = reply as readonly [Buffer, number]
  return { session: aliveOrDead(state), now }
}

export async function orderSession(
  home: Home,
  { session, end, concurrency }: SessionOrderRequest,
): Promise<{ readonly session: 'alive' | 'dead' }> {
  const reply = await home.ask(scripts.orderSession, (packer) =>
    packer
      .array(3)
      .id(session)
      .text(end ?? '')
      .int(concurrency ?? 0),
  )
  return { session: aliveOrDead(reply as Buffer) }
}
