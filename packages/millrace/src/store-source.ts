/** What `connect` takes beside a URL: something of the user's that a store is made of. */
import type { Store, TransactionalStore } from '@millrace/core'

/** What `connect` was told that concerns the store. */
export interface SourceOptions {
  readonly namespace: string | undefined
  readonly migrate: boolean | undefined
}

/** What `redis(client)` gives, and `connect` takes in the place of a URL. */
export interface StoreSource {
  readonly '~store': (options: SourceOptions) => Store
}

/** One whose store has transactions of the user's. */
export interface TransactionalSource<Tx> {
  readonly '~store': (options: SourceOptions) => TransactionalStore<Tx>
}

/** By structure: it may come from another copy of the library. */
export function isSource(store: unknown): store is StoreSource {
  return typeof store === 'object' && store !== null && '~store' in store
}
