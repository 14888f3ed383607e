/** A store over a Millrace server, for clients. */
export { RemoteStore } from './remote-store.ts'
export type { RemoteStoreOptions } from './address.ts'
