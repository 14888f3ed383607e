/** What renews leases from another thread: a connection of its own to the same server, with the same credential. */
import { Line } from './line.ts'
import type { Leases, RenewAnswer, RenewRequest } from '@millrace/core/store'
import type { RemoteAddress } from './address.ts'

/** The server was looked at by the store that is open. */
export function remoteLeases(address: RemoteAddress): Leases {
  const line = new Line(address)
  return {
    open: async () => void (await line.describe()),
    renew: async (request: RenewRequest) => (await line.ask('renew', request)) as RenewAnswer,
    close: async () => line.close(),
  }
}
