/**
 * The Redis store's own scripts on a connection of the driver, with nothing of the store around them. They are no
 * part of the package's surface, so they are reached by their place in this repository.
 */
import { randomBytes } from 'node:crypto'
import { createClient, RESP_TYPES } from '@redis/client'
import { RedisStore } from '@millrace/redis'
import { add, exchange, openHome, type Script } from '../../../../packages/redis/src/lua/scripts.ts'
import { AT } from '../../../../packages/redis/src/layout.ts'
import { Home } from '../../../../packages/redis/src/home.ts'
import { Link } from '../../../../packages/redis/src/link.ts'
import { newClient } from '../../../../packages/redis/src/driver.ts'
import { packAdd, partsOf } from '../../../../packages/redis/src/adding.ts'
import { known } from './known.ts'
import { demandOf, newNonce, SESSION } from '../records.ts'
import type { TaskGroup } from '@millrace/core/store'
import type { Bare } from './bare.ts'

const LINES = 2

interface Claimed {
  readonly count: number
  readonly nonce: string
  /** { id, record, … } */
  readonly claims: readonly Buffer[]
}

export async function bareRedis(url: string): Promise<Bare<Buffer, Claimed>> {
  await known(new RedisStore({ url }))
  const link = new Link({ url, place: 'bench', timeoutMs: 5_000, dial: newClient })
  await link.open()
  const home = new Home({ line: link, place: 'bench', namespace: 'default', migrate: false })
  await home.open()
  await home.names.load(home)
  link.close()
  const client = await connected(url)
  const bare = new BareRedis(client, home)
  await bare.open()
  return bare
}

type Client = Awaited<ReturnType<typeof connected>>

async function connected(url: string) {
  const client = createClient({ url, commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } } })
  client.on('error', console.error)
  await client.connect()
  return client
}

class BareRedis implements Bare<Buffer, Claimed> {
  readonly lines = LINES
  readonly #client: Client
  /** What packs, and the numbers of names; its connection is closed. */
  readonly #home: Home
  #id: Buffer = Buffer.alloc(0)

  constructor(client: Client, home: Home) {
    this.#client = client
    this.#home = home
  }

  async open(): Promise<void> {
    const args = [this.#home.prefix, randomBytes(8), '1', '0']
    const [, id] = (await this.#client.sendCommand([
      'EVAL',
      openHome.source,
      '1',
      ...args,
    ])) as unknown as Buffer[]
    this.#id = id!
  }

  packed(groups: readonly TaskGroup[]): Buffer {
    const { names, packer } = this.#home
    return Buffer.from(packAdd(packer, partsOf({ groups, again: false }, names), names))
  }

  async add(packed: Buffer): Promise<void> {
    await this.#run(add, packed)
  }

  async exchange(last: Claimed | null, tasksMax: number): Promise<Claimed> {
    const nonce = newNonce()
    const reply = (await this.#run(exchange, this.#request(nonce, last, tasksMax))) as readonly unknown[]
    const [verdicts, claims] = [reply[2] as Buffer, reply[4] as readonly Buffer[]]
    if (/[^a]/.test(verdicts.toString('latin1'))) throw new Error('A settlement was stale.')
    return { count: claims.length / 2, nonce, claims }
  }

  /** As `packExchange` writes it, without making anything of what was claimed. */
  #request(nonce: string, last: Claimed | null, tasksMax: number): Buffer {
    const { packer, names } = this.#home
    packer.array(6).id(SESSION).nonce(nonce).int(0).int(names.routes.size)
    packer.array(5 * (last?.count ?? 0))
    for (let index = 0; index < (last?.count ?? 0); index++) {
      packer.bytes(last!.claims[2 * index]!)
      const fence = packer.begin(12)
      packer.rawInt(last!.claims[2 * index + 1]!.readUInt32BE(AT.epoch) + 1, 4)
      packer.rawHex(last!.nonce, 16)
      packer.end(fence)
      const number = packer.begin(4)
      packer.rawInt(1, 4)
      packer.end(number).int(0).text('')
    }
    packDemand(this.#home, tasksMax)
    return packer.done()
  }

  #run(script: Script, request: Buffer): Promise<unknown> {
    return this.#client.sendCommand(['EVALSHA', script.sha, '1', this.#home.prefix, this.#id, request])
  }

  close(): Promise<void> {
    return this.#client.close()
  }
}

function packDemand({ packer, names }: Home, tasksMax: number): void {
  const { queues, bytesMax, quantum } = demandOf(tasksMax)
  const number = (value: number): void => {
    const start = packer.begin(3)
    packer.rawInt(value, 3)
    packer.end(start)
  }
  packer.array(6).array(names.routes.size)
  for (const route of names.routes.values()) number(route)
  packer.array(queues.length)
  for (const { queue, slots, tasksMax: most } of queues) {
    packer.array(4)
    number(names.queue(queue))
    packer.array(slots.length)
    for (const slot of slots) packer.int(slot)
    packer.int(most).no()
  }
  packer.int(tasksMax).int(bytesMax).int(quantum).array(0)
}
