/** Connections by the driver, which knows all that Redis can. */
import { withCertificates } from './certificates.ts'
import { Link, type Address } from './link.ts'
import type { RedisClient, TypeMapping } from '@redis/client'
import type { Ear } from './line.ts'

/** How often a connection on which nothing comes is asked whether it is still there. */
const PING_MS = 10_000

type None = Record<string, never>
type Client = RedisClient<None, None, None, 3, TypeMapping>

/**
 * The driver is loaded with the first connection: whoever uses another store never waits for it. The bare client is
 * enough: `createClient` would make a class with all commands of Redis for each, which takes 20 MB.
 */
export async function newClient(address: Address): Promise<Client> {
  const { timeoutMs } = address
  const { url, certificates } = await withCertificates(address.url)
  const { RedisClient: BareClient, RESP_TYPES } = await import('@redis/client')
  return new BareClient({
    url,
    disableOfflineQueue: true,
    disableClientInfo: true,
    socket: { reconnectStrategy: false, connectTimeout: timeoutMs, ...certificates },
    // the watchdog of the link looks after all calls; a timer for each would cost more than the call
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 },
  })
}

/** Hears what is published on a connection of its own. */
export function listen(address: Address, channel: string, ear: Ear): () => void {
  const connected = async (client: Client): Promise<void> => {
    await client.subscribe(channel, (word) => ear.heard(word))
    ear.began()
  }
  const link = new Link({ ...address, dial: newClient, connected })
  link.openPatiently()
  // what matters is that somebody asks: without an answer the link gives the connection up and makes another
  const ping = setInterval(() => void link.command(['PING']).catch(() => undefined), PING_MS).unref()
  return () => {
    clearInterval(ping)
    link.close()
  }
}
