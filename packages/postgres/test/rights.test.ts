/** The roles of docs/postgres.md: what the runtime role is granted is enough for the conformance suite, and is needed. */
import { readFileSync } from 'node:fs'
import pg from 'pg'
import { beforeAll, describe, expect, test } from 'vitest'
import { conformanceCases } from '@millrace/core/conformance'
import { PostgresMigrator, PostgresStore } from '../src/index.ts'
import { homesOn, serverOf, sql, withServer } from './home.ts'

withServer()

/** They use each table and each function. */
const AREAS: ReadonlySet<string> = new Set([
  'enqueue',
  'gates',
  'claims',
  'leases',
  'reclaim',
  'removal',
  'retention',
  'outbox',
  'watch',
])

const page = readFileSync(new URL('../../../docs/postgres.md', import.meta.url), 'utf8')
const RECIPE = /CREATE ROLE millrace_owner[\s\S]*?(?=```)/.exec(page)![0]
const [ROLES, GRANTS] = [/^CREATE ROLE.*$/gm, /^(?!CREATE ROLE).*$/gm].map((lines) =>
  RECIPE.match(lines)!.join('\n'),
)

function urlAs(role: string): string {
  return serverOf().url.replace('millrace@', `${role}@`)
}

/** What the page says, but for another schema. Functions are not everybody's, as on a server that was hardened. */
async function prepare(schema: string): Promise<void> {
  await sql(GRANTS!.replaceAll(/SCHEMA millrace\b/g, `SCHEMA ${schema}`))
  await new PostgresMigrator({ url: urlAs('millrace_owner'), schema }).migrate()
}

beforeAll(async () => {
  await sql(
    `${ROLES}; ALTER DEFAULT PRIVILEGES FOR ROLE millrace_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC`,
  )
})

describe('as the runtime role', () => {
  const openHome = homesOn({ url: () => urlAs('millrace_app'), prepare })
  for (const { area, name, run } of conformanceCases.filter((one) => AREAS.has(one.area))) {
    test(`${area}: ${name}`, async () => {
      await using home = await openHome()
      await expect(run(home)).resolves.toBe(undefined)
    })
  }

  test('nothing else of the database can be done', async () => {
    await using home = await openHome()
    await sql('CREATE TABLE public.secrets(a text)')
    const client = new pg.Client(urlAs('millrace_app'))
    await client.connect()
    for (const statement of [
      `CREATE TABLE ${home.schema}.mine(a text)`,
      `CREATE SCHEMA mine`,
      `ALTER TABLE ${home.schema}.live ADD COLUMN mine text`,
      `DROP TABLE ${home.schema}.live`,
      `TRUNCATE ${home.schema}.live`,
      'SELECT * FROM public.secrets',
    ])
      await expect(client.query(statement)).rejects.toMatchObject({ code: '42501' })
    await client.end()
  })

  test('an older schema is refused in words that help', async () => {
    await sql('CREATE SCHEMA bare; GRANT USAGE ON SCHEMA bare TO millrace_app')
    const store = new PostgresStore({ url: urlAs('millrace_app'), schema: 'bare' })
    await expect(store.open()).rejects.toMatchObject({ code: 'store-readonly', effect: 'final' })
  })
})

test.each(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'EXECUTE'])('%s is needed', async (right) => {
  const schema = `without_${right.toLowerCase()}`
  // the last statement grants EXECUTE alone
  const less =
    right === 'EXECUTE'
      ? GRANTS!.slice(0, GRANTS!.lastIndexOf('ALTER'))
      : GRANTS!.replace(new RegExp(`${right}, |, ${right}\\b`), '')
  await sql(less.replaceAll(/SCHEMA millrace\b/g, `SCHEMA ${schema}`))
  await new PostgresMigrator({ url: urlAs('millrace_owner'), schema }).migrate()
  const store = new PostgresStore({ url: urlAs('millrace_app'), schema })
  const lived = async (): Promise<void> => {
    await store.open()
    await store.sweep({ tasksMax: 1 })
    const retention = { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 }
    await store.prune({ tasksMax: 1, retention })
    await store.configureQueue({ queue: 'a', paused: true })
    await store.configureQueue({ queue: 'a', paused: false })
  }
  await expect(lived()).rejects.toMatchObject({ code: 'store-readonly', effect: 'final' })
  await store.close()
})
