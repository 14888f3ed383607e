/**
 * Which tasks of a claim are not settled yet, as this process knows it: the record of a claim goes with the
 * settlement of its last task. What is not known here is cleared away by renewals and take-overs.
 */
import type { Claim, ExchangeAnswer, ExchangeRequest, Nonce, Settlement, TaskId } from '@millrace/core/store'

/** How many claims are remembered. */
const CLAIMS_MAX = 10_000

export class OpenClaims {
  /** By nonce: the epoch of each task. */
  readonly #open = new Map<Nonce, Map<TaskId, number>>()

  /** Nonces under which nothing runs any more once these settlements are applied. */
  endedBy(settlements: readonly Settlement[]): readonly Nonce[] {
    const ends = new Map<Nonce, number>()
    for (const { fence, transition } of settlements) {
      const open = transition.to !== 'running' && this.#open.get(fence.nonce)?.get(fence.task) === fence.epoch
      if (open) ends.set(fence.nonce, (ends.get(fence.nonce) ?? 0) + 1)
    }
    return [...ends].filter(([nonce, count]) => this.#open.get(nonce)?.size === count).map(([nonce]) => nonce)
  }

  /** An exchange was answered. */
  note({ nonce, settlements }: ExchangeRequest, { claims }: ExchangeAnswer): void {
    for (const { fence, transition } of settlements) {
      const open = this.#open.get(fence.nonce)
      if (transition.to === 'running' || open?.get(fence.task) !== fence.epoch) continue
      open.delete(fence.task)
      if (open.size === 0) this.#open.delete(fence.nonce)
    }
    this.add(nonce, claims)
  }

  add(nonce: Nonce, tasks: readonly Pick<Claim, 'id' | 'epoch'>[]): void {
    if (tasks.length === 0) return
    if (this.#open.size === CLAIMS_MAX) this.#open.delete(this.#open.keys().next().value!)
    this.#open.set(nonce, new Map(tasks.map(({ id, epoch }) => [id, epoch])))
  }
}
