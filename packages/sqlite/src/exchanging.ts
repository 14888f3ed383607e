/** One round trip of a worker: settlements first, so that what they free can be claimed. */
import { claim, type Claimed } from './claiming.ts'
import { isUndelivered, tellDependents } from './dependents.ts'
import { takeKeys } from './holds.ts'
import { settle, succeed } from './settling.ts'
import { aliveKey } from './sessions.ts'
import type { Pass } from './home.ts'
import type { PackedExchange, PackedExchangeAnswer } from './wire.ts'

const NOTHING: Claimed = { claimedAt: 0, bundles: [], nextInMs: null, taste: null }

export function exchange(pass: Pass, request: PackedExchange): PackedExchangeAnswer {
  const { nonce, demand } = request
  const successes = request.successes.map((group) => succeed(pass, group, nonce))
  const singles = request.singles.map((single) => settle(pass, single, nonce))
  takeKeys(pass)
  tellDependents(pass)
  const session = aliveKey(pass, request.session)
  const claimed = session === null || demand === null ? NOTHING : claim(pass, request, session)
  // once more: a claim may have ended tasks whose time was over
  tellDependents(pass)
  return {
    now: pass.now,
    session: session === null ? 'dead' : 'alive',
    successes,
    singles,
    ...claimed,
    lesson: claimed.bundles.length === 0 ? null : pass.names.lessonAfter(request.known),
    undelivered: isUndelivered(pass),
  }
}
