/** One round trip of a worker. */
import { claim } from './claiming.ts'
import { tellDependents } from './dependents.ts'
import { takeKeys } from './keys.ts'
import { isAlive } from './sessions.ts'
import { settle } from './settling.ts'
import type { Pass } from './home.ts'
import type { ExchangeAnswer, ExchangeRequest } from '../port.ts'

export function exchange(pass: Pass, request: ExchangeRequest): ExchangeAnswer {
  const verdicts = request.settlements.map((settlement) => settle(pass, settlement, request.nonce))
  takeKeys(pass)
  // before the claim, so that what this frees can be claimed
  tellDependents(pass)
  const alive = isAlive(pass, request.session)
  const { claims, nextInMs, turn } = alive ? claim(pass, request) : { claims: [], nextInMs: null, turn: null }
  // after it once more: it may have ended tasks whose time was over
  tellDependents(pass)
  const undelivered = pass.home.outbox.size > 0
  return {
    now: pass.now,
    verdicts,
    session: alive ? 'alive' : 'dead',
    claims,
    cursor: null,
    turn,
    nextInMs,
    undelivered,
  }
}
