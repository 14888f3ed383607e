/** What a server has to be, and how it has to be set. */
import { refusal } from './errors.ts'
import type { Database } from './database.ts'
import type { PoolClient } from './driver.ts'

const SERVER_VERSION_MIN = 130_000

/** Out: version, encoding, whether it is a standby, and three settings. */
const SETTINGS = `
SELECT current_setting('server_version_num')::integer, current_setting('server_encoding'), pg_is_in_recovery(),
  current_setting('default_transaction_isolation'), current_setting('synchronous_commit'), current_setting('fsync')`

type SettingsRow = readonly [number, string, boolean, string, string, string]

/** @throws StoreError */
export async function checkSettings(
  database: Database,
  client: PoolClient,
  { unsafe }: { readonly unsafe: boolean },
): Promise<void> {
  const { rows } = await database.script(client, SETTINGS)
  const [version, encoding, standby, isolation, commit, fsync] = rows[0] as SettingsRow
  if (version < SERVER_VERSION_MIN) {
    throw refusal(
      'store-unavailable',
      `This is Postgres ${Math.floor(version / 10_000)}.`,
      'Use Postgres 13 or newer.',
    )
  }
  if (encoding !== 'UTF8') {
    const hint =
      "Create a database with ENCODING 'UTF8' and TEMPLATE template0, and give its name in the URL."
    throw refusal('store-unavailable', `The database keeps texts as ${encoding}, not as UTF8.`, hint)
  }
  if (standby) {
    throw refusal('store-readonly', 'This Postgres is a standby.', 'Give the URL of the primary.')
  }
  if (isolation !== 'read committed') {
    const hint = "Set default_transaction_isolation to 'read committed' for this user or database."
    throw refusal(
      'store-unavailable',
      `Transactions are ${isolation} by default, which Millrace is not made for.`,
      hint,
    )
  }
  if (unsafe || (commit !== 'off' && fsync === 'on')) return
  const setting = fsync === 'on' ? 'synchronous_commit' : 'fsync'
  const hint = `Turn ${setting} on, or pass \`unsafe: true\` if tasks may be lost.`
  throw refusal(
    'store-unavailable',
    `Postgres runs with ${setting} off: what it acknowledges can be lost.`,
    hint,
  )
}
