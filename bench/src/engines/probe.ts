/** What a server says of itself, beside the clients that are measured. */
import { engineOf } from '../engine.ts'
import type { Role } from '../load.ts'
import { linesOf } from './redis-answers.ts'

export interface Probe extends AsyncDisposable {
  /** What the engine keeps for this store: Postgres on disk, Redis in memory. */
  bytes(): Promise<number>
  /** Connections of others to this store. */
  connections(): Promise<number>
  /** Keeps a transaction open that has seen the store as it is, until the probe is closed. */
  pin(): Promise<void>
}

/** @throws Error for an engine without a server */
export async function probeOf(url: string): Promise<Probe> {
  switch (engineOf(url)) {
    case 'postgres':
      return postgresProbe(url)
    case 'redis':
      return redisProbe(url)
    case 'sqlite':
    case 'memory':
      throw new Error(`There is no server at ${url}.`)
  }
}

async function postgresProbe(url: string): Promise<Probe> {
  const { Client } = await import('pg')
  const client = new Client(url)
  await client.connect()
  const figure = async (sql: string): Promise<number> => {
    const { rows } = await client.query<{ readonly figure: string }>(sql)
    return Number(rows[0]!.figure)
  }
  return {
    bytes: () =>
      figure(
        "select coalesce(sum(pg_total_relation_size(c.oid)), 0) as figure from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'",
      ),
    connections: () =>
      figure(
        "select count(*) as figure from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()",
      ),
    async pin() {
      await client.query('begin isolation level repeatable read')
      await figure('select txid_current() as figure')
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

async function redisProbe(url: string): Promise<Probe> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url)
  return {
    bytes: async () => Number(linesOf(await client.info('memory'))['used_memory']),
    async connections() {
      const list = (await client.client('LIST')) as string
      return list.trim().split('\n').length - 1
    },
    pin: () => Promise.reject(new Error('Redis keeps no old versions.')),
    async [Symbol.asyncDispose]() {
      await client.quit()
    },
  }
}

/**
 * Lets a store that was just filled come to rest, as one that was filled a while ago has: Postgres counts what
 * is there by itself within a minute, and plans by what it knows. What is quick need not be so thorough.
 */
export async function rest({
  engine,
  storeUrl,
  quick,
}: Pick<Role, 'engine' | 'storeUrl' | 'quick'>): Promise<void> {
  if (quick || engine !== 'postgres') return
  const { Client } = await import('pg')
  const client = new Client(storeUrl)
  await client.connect()
  await client.query('vacuum analyze')
  await client.query('checkpoint')
  await client.end()
}
