/**
 * Renewals, as they travel. On the thread that sends them nothing else is known of the store, so the scripts are given:
 * whoever imports them makes all of them, and has three megabytes more.
 */
import { orderOf } from '@millrace/core/store'
import { cancelOf, idOf } from './reading.ts'
import type { Fence, RenewAnswer, RenewRequest, SessionOrder } from '@millrace/core/store'
import type { Door } from './door.ts'
import type { Reply } from './line.ts'
import type { Script } from './lua/scripts.ts'

export interface RenewalScripts {
  readonly renew: Script
  readonly renewBlind: Script
}

export async function renew(
  door: Door,
  scripts: RenewalScripts,
  request: RenewRequest,
): Promise<RenewAnswer> {
  const { session, ttlMs, held, awaiting } = request
  if (held === null) return renewBlind(door, scripts.renewBlind, request)
  const reply = await door.ask(scripts.renew, (packer) => {
    packer.array(5).id(session).int(ttlMs).int(request.seq)
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
  const [state, now, lost = [], cancelled = [], end = '', concurrency = ''] = reply as readonly [
    Buffer,
    number,
    (readonly number[])?,
    (readonly Reply[])?,
    Reply?,
    Reply?,
  ]
  const fences = held.map(({ fence }) => ({ ...fence }))
  if (aliveOrDead(state) === 'dead') return { session: 'dead', now, lost: fences, cancelled: [], order: null }
  const stops: RenewAnswer['cancelled'][number][] = []
  for (let i = 0; i < cancelled.length; i += 2) {
    const reason = cancelOf(cancelled[i + 1] as Buffer)?.reason ?? null
    stops.push({ fence: fences[cancelled[i] as number]!, reason })
  }
  return {
    session: 'alive',
    now,
    lost: lost.map((index) => fences[index]!),
    cancelled: stops,
    order: orderIn(end, concurrency),
  }
}

/** By who does not know what the session holds. */
async function renewBlind(
  door: Door,
  script: Script,
  { session, ttlMs }: RenewRequest,
): Promise<RenewAnswer> {
  const reply = await door.ask(script, (packer) => packer.array(2).id(session).int(ttlMs))
  const [state, now, cancelled = []] = reply as readonly [Buffer, number, (readonly Buffer[])?]
  const stops: RenewAnswer['cancelled'][number][] = []
  for (let i = 0; i < cancelled.length; i += 3) {
    const [id, fence, cancel] = cancelled.slice(i, i + 3) as [Buffer, Buffer, Buffer]
    stops.push({ fence: fenceIn(id, fence), reason: cancelOf(cancel)?.reason ?? null })
  }
  return { session: aliveOrDead(state), now, lost: [], cancelled: stops, order: null }
}

/** Of a task that runs: its epoch in four bytes, and the nonce of its claim. */
function fenceIn(id: Buffer, fence: Buffer): Fence {
  return { task: idOf(id, 0), epoch: fence.readUInt32BE(0), nonce: fence.toString('hex', 4, 12) }
}

/** As the script tells it: where nothing was ordered it is empty. */
export function orderIn(end: Reply, concurrency: Reply): SessionOrder | null {
  const [how, count] = [String(end ?? ''), String(concurrency ?? '')]
  return orderOf(how === '' ? null : (how as 'drain' | 'stop'), count === '' ? null : Number(count))
}

export function aliveOrDead(state: Buffer): 'alive' | 'dead' {
  return String(state) === 'alive' ? 'alive' : 'dead'
}
