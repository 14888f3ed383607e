/** The door to AsyncLocalStorage: Node keeps what is stored in it with every callback and promise. */
import { AsyncLocalStorage } from 'node:async_hooks'

/** A value that whatever a function starts can ask for, however late, and nobody else. */
export interface Scoped<T> {
  readonly current: T | undefined
  run<Given extends readonly unknown[], R>(value: T, work: (...given: Given) => R, ...given: Given): R
  /** Calls it without the value. */
  leave<R>(work: () => R): R
}

export function scoped<T>(): Scoped<T> {
  const storage = new AsyncLocalStorage<T>()
  return {
    get current() {
      return storage.getStore()
    },
    run: (value, work, ...given) => storage.run(value, work, ...given),
    leave: (work) => storage.exit(work),
  }
}
