/** A connection of a pool, of ours or of the user's, that no break can take the process down with. */
import type { PoolClient, PostgresPool } from './driver.ts'

const heard = new WeakSet<PoolClient>()

/**
 * By a callback where the pool takes one: a server that goes away may say so with the very bytes that open the
 * connection, and then nobody who awaits it has a listener yet. An error event without one ends the process.
 */
export function borrow(pool: PostgresPool): Promise<PoolClient> {
  if (pool.connect.length === 0) return pool.connect().then(withListener)
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) reject(error ?? new Error('the pool gave no connection'))
      else resolve(withListener(client))
    })
  })
}

/** A connection that breaks says so to whoever uses it. */
function withListener(client: PoolClient): PoolClient {
  if (heard.has(client)) return client
  heard.add(client)
  client.on('error', () => undefined)
  return client
}
