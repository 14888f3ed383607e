/** Leases, as they travel. */
import * as scripts from './lua/scripts.ts'
import { cancelOf } from './records.ts'
import type { RenewAnswer, RenewRequest, SessionRequest } from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Reply } from './line.ts'

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

function aliveOrDead(state: Buffer): 'alive' | 'dead' {
  return String(state) === 'alive' ? 'alive' : 'dead'
}

export async function renew(home: Home, request: RenewRequest): Promise<RenewAnswer> {
  const { session, ttlMs, seq, held, awaiting } = request
  const reply = await home.ask(scripts.renew, (packer) => {
    packer.array(5).id(session).int(ttlMs).int(seq)
    packer.array(3 * held.length)
    for (const { fence, started } of held) {
      packer.id(fence.task)
      const start = packer.begin(12)
      packer.rawInt(fence.epoch, 4)
      packer.rawHex(fence.nonce, 16)
      packer.end(start)
      packer.int(started ? 1 : 0)
    }
    packer.array(awaiting.length)
    for (const nonce of awaiting) packer.nonce(nonce)
  })
  const [state, now, lost = [], cancelled = []] = reply as readonly [
    Buffer,
    number,
    (readonly number[])?,
    (readonly Reply[])?,
  ]
  const fences = held.map(({ fence }) => ({ ...fence }))
  if (aliveOrDead(state) === 'dead') return { session: 'dead', now, lost: fences, cancelled: [] }
  const stops: RenewAnswer['cancelled'][number][] = []
  for (let i = 0; i < cancelled.length; i += 2) {
    const reason = cancelOf(cancelled[i + 1] as Buffer)?.reason ?? null
    stops.push({ fence: fences[cancelled[i] as number]!, reason })
  }
  return { session: 'alive', now, lost: lost.map((index) => fences[index]!), cancelled: stops }
}
