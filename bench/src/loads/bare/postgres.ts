/**
 * The Postgres store's own statements on two connections of the driver, prepared, with nothing of the store around
 * them. They are no part of the package's surface, so they are reached by their place in this repository.
 */
import { Client } from 'pg'
import { PostgresStore } from '@millrace/postgres'
import { int4s, int8s, texts, uuids } from '../../../../packages/postgres/src/arrays.ts'
import { claimValues, type ClaimRow } from '../../../../packages/postgres/src/claiming.ts'
import { writeCursor } from '../../../../packages/postgres/src/cursors.ts'
import { nonceValue } from '@millrace/core/store'
import { ADD_READY } from '../../../../packages/postgres/src/statements/adding.ts'
import { CLAIM, EXCHANGE } from '../../../../packages/postgres/src/statements/claiming.ts'
import { known } from './known.ts'
import { demandOf, newNonce, SESSION } from '../records.ts'
import type { TaskGroup } from '@millrace/core/store'
import type { Bare } from './bare.ts'

const LINES = 2

interface Claimed {
  readonly count: number
  readonly nonce: string
  readonly ids: readonly string[]
  readonly cursor: string | null
}

interface Keys {
  readonly queue: number
  readonly route: number
  readonly terms: number
}

export async function barePostgres(url: string): Promise<Bare<unknown[], Claimed>> {
  await known(new PostgresStore({ url }))
  const clients = Array.from({ length: LINES }, () => new Client(url))
  await Promise.all(clients.map((client) => client.connect()))
  const one = async (table: string): Promise<number> => {
    const { rows } = await clients[0]!.query<{ readonly key: number }>(`select key from millrace.${table}`)
    return rows[0]!.key
  }
  const keys = { queue: await one('queues'), route: await one('routes'), terms: await one('terms') }
  return new BarePostgres(clients, keys)
}

class BarePostgres implements Bare<unknown[], Claimed> {
  readonly lines = LINES
  readonly #clients: readonly Client[]
  readonly #free: Client[]
  readonly #keys: Keys

  constructor(clients: readonly Client[], keys: Keys) {
    this.#clients = clients
    this.#free = [...clients]
    this.#keys = keys
  }

  packed(groups: readonly TaskGroup[]): unknown[] {
    const tasks = groups.flatMap((group) => group.tasks)
    const { queue, route, terms } = this.#keys
    const same = (value: number): Buffer => int4s(tasks.map(() => value))
    return [
      0,
      uuids(tasks.map(({ id }) => id)),
      same(queue),
      same(route),
      same(terms),
      int4s(tasks.map(({ level }) => level)),
      int4s(tasks.map(({ payload }) => Buffer.byteLength(payload as string))),
      texts(tasks.map(({ digest }) => digest)),
      texts(tasks.map(({ payload }) => payload as string)),
    ]
  }

  async add(packed: unknown[]): Promise<void> {
    await this.#rows('add', ADD_READY, packed)
  }

  async exchange(last: Claimed | null, tasksMax: number): Promise<Claimed> {
    const nonce = newNonce()
    const demand = { ...demandOf(tasksMax), cursor: last?.cursor ?? null }
    const request = { session: SESSION, nonce, again: false, settlements: [], demand }
    const values = claimValues(request, 0, 'strict')
    const rows =
      last === null || last.count === 0
        ? await this.#rows('claim', CLAIM, values)
        : await this.#rows('exchange', EXCHANGE, [...values, ...settlingValues(last)])
    const claimed = rows.filter(([part]) => part > 0)
    const ids = claimed.map(([, id]) => id)
    return { count: ids.length, nonce, ids, cursor: this.#cursorBehind(claimed) ?? demand.cursor }
  }

  #cursorBehind(claimed: readonly ClaimRow[]): string | null {
    const [last] = claimed.toSorted((one, other) => Number(other[2]) - Number(one[2]))
    if (last === undefined) return null
    const { queue, route } = this.#keys
    return writeCursor(
      [],
      [{ queue, route, level: 2, seq: Number(last[2]), ord: Number(last[3] ?? last[4]) }],
    )
  }

  async #rows(name: string, statement: string, values: unknown[]): Promise<readonly ClaimRow[]> {
    const client = this.#free.pop()!
    try {
      const text = statement.replaceAll(/\bhome\./g, 'millrace.')
      const { rows } = await client.query<ClaimRow[]>({ name, text, values, rowMode: 'array' })
      return rows as unknown as ClaimRow[]
    } finally {
      this.#free.push(client)
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.end()))
  }
}

function settlingValues({ ids, nonce }: Claimed): unknown[] {
  const value = nonceValue(nonce)
  const ones = int4s(ids.map(() => 1))
  const nonces = int8s(ids.map(() => value))
  const results = texts(ids.map(() => null))
  return [uuids(ids), ones, nonces, ones, results, int8s([value]), int4s([ids.length])]
}
