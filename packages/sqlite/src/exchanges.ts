/** On the main thread: exchanges as they travel, and their answers as the port has them. */
import { ClaimReader } from './claims.ts'
import { Tastes } from './tastes.ts'
import { packSettlements, unpackVerdicts, type PackedSettlements } from './settlements.ts'
import type { Demand, ExchangeAnswer, ExchangeRequest, Fence, TaskId } from '@millrace/core/store'
import type { PackedDemand, PackedExchange, PackedExchangeAnswer } from './wire.ts'

/** The seqs of so many claimed tasks are remembered: more than any process has slots. */
const SEQS_MAX = 200_000
export interface Sent {
  readonly request: ExchangeRequest
  readonly settlements: PackedSettlements
  readonly packed: PackedExchange
}

export class Exchanges {
  readonly #seqs = new Map<TaskId, number>()
  readonly #reader = new ClaimReader(this.#seqs)
  readonly #tastes = new Tastes()

  pack(request: ExchangeRequest): Sent {
    const settlements = packSettlements(request.settlements, this.#seqs)
    const { successes, singles } = settlements
    const { session, nonce, again } = request
    const packed: PackedExchange = {
      session,
      nonce,
      again,
      known: this.#reader.known,
      successes,
      singles,
      demand: request.demand === null ? null : this.#packDemand(request.demand),
    }
    return { request, settlements, packed }
  }

  unpack({ request, settlements }: Sent, answer: PackedExchangeAnswer): ExchangeAnswer {
    const { now, session, turn, nextInMs, undelivered, claimedAt, bundles, lesson } = answer
    for (const { fence, transition } of request.settlements) {
      if (transition.to !== 'running') this.#seqs.delete(fence.task)
    }
    if (this.#seqs.size > SEQS_MAX) this.#seqs.clear()
    if (lesson !== null) this.#reader.learn(lesson)
    if (answer.taste !== null) this.#tastes.learned(answer.taste)
    const { nonce } = request
    return {
      now,
      verdicts: unpackVerdicts(settlements, answer, request.settlements.length),
      session,
      claims: this.#reader.read(bundles, { nonce, claimedAt }),
      cursor: null,
      turn,
      nextInMs,
      undelivered,
    }
  }

  /** Tasks that are in other hands now. */
  forget(fences: readonly Fence[]): void {
    for (const { task } of fences) this.#seqs.delete(task)
  }

  #packDemand({ types, offers, queues, tasksMax, quantum, bytesMax, turn }: Demand): PackedDemand {
    const taste = this.#tastes.of(types, offers)
    const known = this.#tastes.isKnown(taste)
    return {
      taste,
      types: known ? null : types,
      offers: known ? null : offers,
      queues,
      tasksMax,
      quantum,
      bytesMax,
      turn,
    }
  }
}
