/** A store that writes down to whom it gave tasks, and what it answered to what became of them. */
import type { Store } from '@millrace/core'
import type { EffectsJournal } from './effects-journal.ts'
import { wrapped } from './store-of.ts'

export function witnessed(store: Store, journal: EffectsJournal): Store {
  return wrapped(store, {
    async exchange(request) {
      const answer = await store.exchange(request)
      for (const [index, { fence, seq, transition }] of request.settlements.entries())
        journal.write({ is: 'settled', fence, seq, transition, verdict: answer.verdicts[index]! })
      for (const { id, epoch, nonce } of answer.claims) {
        const fence = { task: id, epoch, nonce }
        journal.write({ is: 'grant', fence, session: request.session, by: 'claim', cause: null })
      }
      return answer
    },
    async reclaim(request) {
      const answer = await store.reclaim(request)
      for (const { fence, cause } of answer.tasks)
        journal.write({ is: 'grant', fence, session: request.session, by: 'take-over', cause })
      return answer
    },
  })
}
