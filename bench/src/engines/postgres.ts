/** A private Postgres for a run, or the one that MILLRACE_TEST_POSTGRES_URL names, and a database of its own for each trial. */
import { Client } from 'pg'
import { startPostgres } from '../../../test/servers/postgres.ts'
import type { Plot, Site } from './site.ts'

const SETTINGS = ['fsync', 'synchronous_commit', 'shared_buffers', 'max_connections'] as const

/** Some open several for each queue. */
const CONNECTIONS_MAX = 1_000

let made = 0

type Manner = 'thorough' | 'in a hurry'

export async function postgresSite(manner: Manner): Promise<Site> {
  const given = process.env['MILLRACE_TEST_POSTGRES_URL']
  if (given !== undefined) return siteAt(given, { server: null, manner })
  const started = await startPostgres({ settings: { max_connections: String(CONNECTIONS_MAX) } })
  try {
    return await siteAt(started.url, { server: started.server, manner })
  } catch (error) {
    await started[Symbol.asyncDispose]()
    throw error
  }
}

interface Server extends AsyncDisposable {
  readonly pid: number | undefined
}

async function siteAt(
  url: string,
  { server, manner }: { readonly server: Server | null; readonly manner: Manner },
): Promise<Site> {
  const admin = new Client(url)
  await admin.connect()
  const { rows } = await admin.query<{ readonly name: string; readonly setting: string }>(
    "select name, current_setting(name) as setting from pg_settings where name = 'server_version' or name = any($1)",
    [SETTINGS],
  )
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  const set = SETTINGS.map((name) => `${name}=${settings.get(name)}`).join(', ')
  const whose = server === null ? 'the one that was named' : 'started for this run'
  return {
    about: `Postgres ${settings.get('server_version')}, ${whose}: ${set}`,
    pid: server?.pid ?? null,
    plot: () => plot(url, { admin, manner }),
    async [Symbol.asyncDispose]() {
      await admin.end()
      await server?.[Symbol.asyncDispose]()
    },
  }
}

/** The checkpoint keeps what the last trial wrote from being written during this one. */
async function plot(
  serverUrl: string,
  { admin, manner }: { readonly admin: Client; readonly manner: Manner },
): Promise<Plot> {
  made += 1
  const database = `millrace_bench_${process.pid}_${made}`
  await admin.query(`create database ${database}`)
  if (manner === 'thorough') await admin.query('checkpoint')
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await admin.query(`drop database ${database} with (force)`)
    },
  }
}
