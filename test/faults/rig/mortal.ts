/** A store whose process ends at one step of a schedule's tick, as if it were killed with -9 there. */
import process from 'node:process'
import type { Store } from '@millrace/core'
import { wrapped } from './store-of.ts'

export const STEPS = ['looks', 'has looked', 'is ticking', 'has ticked'] as const
export type Step = (typeof STEPS)[number]

/** @param dying whether it is time */
export function mortal(store: Store, step: Step, dying: () => boolean): Store {
  const at = (here: Step): void => {
    if (here === step && dying()) process.kill(process.pid, 'SIGKILL')
  }
  return wrapped(store, {
    async dueSchedules(request) {
      at('looks')
      const answer = await store.dueSchedules(request)
      if (answer.due.length > 0) at('has looked')
      return answer
    },
    async tick(request) {
      const answered = store.tick(request)
      // it is on its way
      setImmediate(() => at('is ticking'))
      const answer = await answered
      at('has ticked')
      return answer
    },
  })
}
