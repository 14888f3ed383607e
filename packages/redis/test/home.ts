/** A fresh namespace of a private server that the whole file shares, and the clients that were opened on it. */
import { afterAll, beforeAll } from 'vitest'
import { flush, startRedis, type RedisServer } from '../../../test/servers/redis.ts'
import { RedisStore } from '../src/index.ts'

export interface RedisHome extends AsyncDisposable {
  readonly store: RedisStore
  readonly namespace: string
  open(): Promise<RedisStore>
  shiftClock(ms: number): Promise<void>
  close(): Promise<void>
}

let server: RedisServer | undefined
let homes = 0

/** Starts the server before the tests of a file, and stops it after them. */
export function useServer(): void {
  beforeAll(async () => void (server = await startRedis()))
  afterAll(() => server?.server.stop())
}

export function serverUrl(): string {
  return server!.url
}

/** Forgets all homes there were: an audit of another one would come by their keys. */
export function forgetHomes(): Promise<void> {
  return flush(server!)
}

export async function openHome(): Promise<RedisHome> {
  const url = server!.url
  const namespace = `home-${(homes += 1)}`
  const stores: RedisStore[] = []
  const open = async (): Promise<RedisStore> => {
    const store = new RedisStore({ url, namespace })
    await store.open()
    stores.push(store)
    return store
  }
  const store = await open()
  const close = async (): Promise<void> => {
    await Promise.all(stores.map((one) => one.close()))
  }
  return {
    store,
    namespace,
    open,
    shiftClock: (ms) => store.shiftClock(ms),
    close,
    [Symbol.asyncDispose]: close,
  }
}
