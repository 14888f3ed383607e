/** A store some of whose answers never arrive: it has done what it was asked to. For engines that no network lies before. */
import { StoreError, type Store } from '@millrace/core'
import type { SeededRandom } from '@millrace/core/simulation'

/** What is no call: it opens, closes or takes in a heart, or answers again and again. */
const WHOLE: ReadonlySet<PropertyKey> = new Set(['open', 'close', 'watch', 'lodge'])

/** @param share from 0 to 1, of all calls */
export function forgetful(store: Store, share: number, random: SeededRandom): Store {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (WHOLE.has(name)) return member.bind(target) as unknown
      return async (...given: unknown[]): Promise<unknown> => {
        const answer: unknown = await (member as (...all: unknown[]) => unknown).apply(target, given)
        if (!random.chance(share)) return answer
        throw new StoreError('store-unavailable', 'The answer was lost on the way.', { effect: 'unknown' })
      }
    },
  })
}
