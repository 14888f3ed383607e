/** Answers that may be there already, and what comes behind them. */
import type { Answer } from '../store/transactions.ts'

/** At once if the answer is there. */
export function chain<T, U>(answer: Answer<T>, make: (value: T) => Answer<U>): Answer<U> {
  return answer instanceof Promise ? answer.then(make) : make(answer)
}

/** Query builders answer things that are no Promise and can be awaited all the same. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return 'then' in value && typeof value.then === 'function'
}
