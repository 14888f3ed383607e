/**
 * Which tasks of a claim are not settled yet, as this process knows it: the record of a claim goes with the
 * settlement of its last task. What is not known here is cleared away by renewals and take-overs.
 */
import type { Claim, ExchangeAnswer, ExchangeRequest, Nonce, Settlement, TaskId } from '@millrace/core/store'

/** The record of a claim, of which nothing runs any more: what this process knows of it, and nothing else, is in it. */
export interface EndedClaim {
  readonly nonce: Nonce
  /** How many tasks are in the record, if nobody else has claimed under that nonce. */
  readonly tasks: number
}

interface OpenClaim {
  readonly tasks: number
  /** The epoch of each task that is not settled. */
  readonly open: Map<TaskId, number>
}

/** How many claims are remembered. */
const CLAIMS_MAX = 10_000

export class OpenClaims {
  readonly #claims = new Map<Nonce, OpenClaim>()

  /** Claims under which nothing runs any more once these settlements are applied. */
  endedBy(settlements: readonly Settlement[]): readonly EndedClaim[] {
    const ends = new Map<Nonce, number>()
    for (const { fence, transition } of settlements) {
      const epoch = this.#claims.get(fence.nonce)?.open.get(fence.task)
      if (transition.to !== 'running' && epoch === fence.epoch)
        ends.set(fence.nonce, (ends.get(fence.nonce) ?? 0) + 1)
    }
    const ended: EndedClaim[] = []
    for (const [nonce, count] of ends) {
      const { open, tasks } = this.#claims.get(nonce)!
      if (open.size === count) ended.push({ nonce, tasks })
    }
    return ended
  }

  /** An exchange was answered. */
  note({ nonce, settlements }: ExchangeRequest, { claims }: ExchangeAnswer): void {
    for (const { fence, transition } of settlements) {
      const open = this.#claims.get(fence.nonce)?.open
      if (transition.to === 'running' || open?.get(fence.task) !== fence.epoch) continue
      open.delete(fence.task)
      if (open.size === 0) this.#claims.delete(fence.nonce)
    }
    this.add(nonce, claims)
  }

  add(nonce: Nonce, tasks: readonly Pick<Claim, 'id' | 'epoch'>[]): void {
    if (tasks.length === 0) return
    if (this.#claims.size === CLAIMS_MAX) this.#claims.delete(this.#claims.keys().next().value!)
    const open = new Map(tasks.map(({ id, epoch }) => [id, epoch]))
    this.#claims.set(nonce, { tasks: tasks.length, open })
  }
}
