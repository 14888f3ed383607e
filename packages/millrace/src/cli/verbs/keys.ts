import { duration } from '@millrace/core'
import type { GrantOptions, Issued, KeyRecord } from '@millrace/server'
import type { Command } from 'commander'
import { settingsOf } from '../configuration/in-force.ts'
import { CliError } from '../failure.ts'
import { listed } from '../options.ts'
import { paint, table, type Output } from '../output.ts'
import { outputOf } from '../session.ts'
import { relative } from '../time.ts'

interface FileOptions {
  readonly keys?: string
}

interface CreateOptions extends FileOptions {
  readonly role?: string
  readonly queues?: readonly string[]
  readonly grant?: readonly string[]
  readonly expires?: string
}

interface RotateOptions extends FileOptions {
  readonly keep: string
}

const FILE = '--keys <file>'
const FILE_HELP = 'the file of keys (default: $MILLRACE_KEYS_FILE, else that of the configuration)'

export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .summary('make, rotate and revoke the keys by which a server is called')
    .description(
      'Keys let programs call `millrace serve --keys FILE`. The file holds hashes of them only; a server that runs reads it ' +
        'again within seconds.',
    )
    .addHelpText('after', HELP)
  addCreate(keys)
  addList(keys)
  addRotate(keys)
  addRevoke(keys)
}

const HELP = `
Roles: producer (enqueue, and follow what it enqueued), worker (run tasks, and enqueue), viewer (look), operator (look,
  and change tasks, queues and schedules), admin (everything)
Queues: media (that queue), media.* (one segment more, as media.video), media.** (one or more), ** (every queue)

Examples:
  millrace keys create shop --role producer --queues 'mail,media.*' --keys keys.json
  millrace keys create ops --grant 'operator:**' --grant worker:mail --expires 90d --keys keys.json
  millrace keys list --keys keys.json
  millrace keys rotate shop --keep 1d --keys keys.json
  millrace keys revoke shop --keys keys.json`

function addCreate(keys: Command): void {
  keys
    .command('create')
    .summary('make a key, and show it this once')
    .description(
      'Makes a key, and shows it this once: only its hash is kept. The file is made if it is not there.',
    )
    .argument('<name>', 'what it is called, in logs and in the audit')
    .option('--role <role>', 'what it may do: producer, worker, viewer, operator or admin; with --queues')
    .option('--queues <pattern...>', 'in which queues: mail, media.*, **')
    .option('--grant <role:queues...>', 'both at once, as often as needed: producer:mail,media.*')
    .option('--expires <duration>', 'when it runs out: 90d (default: never)')
    .option(FILE, FILE_HELP)
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { changeKeys, createKey, parseGrant } = await import('@millrace/server')
      const grants = grantsOf(options).map(parseGrant)
      const now = new Date()
      const { expires } = options
      const expiresAt = expires === undefined ? undefined : later(now, expires)
      const issued = await changeKeys(await fileOf(command, options), (all) =>
        createKey(all, { name, grants, expiresAt }, now),
      )
      tellIssued(outputOf(command), issued, 'It is shown this once: keep it where secrets are kept.')
    })
}

function addList(keys: Command): void {
  keys
    .command('list')
    .summary('show what keys there are')
    .description(
      'Shows what keys there are. The keys themselves are not known to anybody but those who use them.',
    )
    .option(FILE, FILE_HELP)
    .action(async (options: FileOptions, command: Command) => {
      const { readKeys, shownGrant } = await import('@millrace/server')
      const path = await fileOf(command, options)
      const all = await readKeys(path).catch((error: unknown) => {
        throw missing(error, path)
      })
      const output = outputOf(command)
      const now = Date.now()
      const states = all.map((key) => stateOf(key, now))
      if (output.json) return all.forEach((key, index) => output.value(shown(key, states[index]!)))
      if (all.length === 0) return output.line(`No keys in ${path}. To make one: millrace keys create`)
      const rows = all.map((key, index) => [
        key.name,
        key.id,
        key.grants.map(shownGrant).join(' '),
        states[index]!,
        relative(Date.parse(key.createdAt), now),
      ])
      for (const line of table(['NAME', 'ID', 'MAY', 'STATE', 'MADE'], rows)) output.line(line)
    })
}

function addRotate(keys: Command): void {
  keys
    .command('rotate')
    .summary('give a key a new secret; the old one counts for a while')
    .description(
      'Gives a key a new secret, and shows it this once. The one from before counts for a while, so that whoever uses it can ' +
        'change over.',
    )
    .argument('<name>', 'its name or its id')
    .option('--keep <duration>', 'how long the old one counts', '1d')
    .option(FILE, FILE_HELP)
    .action(async (which: string, options: RotateOptions, command: Command) => {
      const { changeKeys, rotateKey } = await import('@millrace/server')
      const now = new Date()
      const until = later(now, options.keep)
      const issued = await changeKeys(await fileOf(command, options), (all) =>
        rotateKey(all, { which, until }, now),
      )
      const note = `It is shown this once. The one from before counts until ${until.toISOString()}.`
      tellIssued(outputOf(command), issued, note)
    })
}

function addRevoke(keys: Command): void {
  keys
    .command('revoke')
    .summary('make a key count no more, from now on')
    .description('Makes a key count no more. A server that runs refuses it within 5 s.')
    .argument('<name>', 'its name or its id')
    .option(FILE, FILE_HELP)
    .action(async (which: string, options: FileOptions, command: Command) => {
      const { changeKeys, revokeKey } = await import('@millrace/server')
      await changeKeys(await fileOf(command, options), (all) => ({ keys: revokeKey(all, which, new Date()) }))
      const output = outputOf(command)
      if (output.json) output.value({ revoked: which })
      else output.line(`The key ${which} counts no more.`)
    })
}

/** @throws CliError */
function grantsOf({ role, queues, grant = [] }: CreateOptions): readonly string[] {
  const names = listed(queues)
  const one = role === undefined || names === undefined ? [] : [`${role}:${names.join(',')}`]
  const isHalf = (role === undefined) !== (names === undefined)
  if (!isHalf && one.length + grant.length > 0) return [...one, ...grant]
  throw new CliError(
    'usage',
    isHalf ? '--role and --queues go together.' : 'It is not said what the key may do.',
    "As in --role producer --queues 'mail,media.*', or --grant 'producer:mail,media.*'; ** is every queue.",
  )
}

/** @throws CliError */
async function fileOf(command: Command, { keys }: FileOptions): Promise<string> {
  const { server } = await settingsOf(command, { server: { keys } })
  const path = server.get('auth.keys')?.value
  if (typeof path === 'string') return path
  throw new CliError(
    'usage',
    'No file of keys is named.',
    'Name one, as in --keys keys.json, or by MILLRACE_KEYS_FILE.',
  )
}

function later(now: Date, text: string): Date {
  return new Date(now.getTime() + Number(duration(text)))
}

function missing(error: unknown, path: string): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error
  return new CliError(
    'not-found',
    `There is no file of keys ${path}.`,
    'The first key makes it: millrace keys create',
  )
}

function tellIssued(output: Output, { key, token }: Issued, note: string): void {
  const { id, name, expiresAt } = key
  if (output.json)
    return output.value({ id, name, key: token, ...(expiresAt === undefined ? {} : { expiresAt }) })
  // the key alone on stdout: so it can be directed into a file
  output.note(`The key ${name}${expiresAt === undefined ? '' : `, until ${expiresAt}`}:`)
  output.line(token)
  output.note(paint('dim', note, process.stderr))
}

function stateOf({ expiresAt, revokedAt, secrets }: KeyRecord, now: number): string {
  if (revokedAt !== undefined) return `revoked ${relative(Date.parse(revokedAt), now)}`
  if (expiresAt !== undefined && Date.parse(expiresAt) <= now) return 'expired'
  const live = secrets.filter(
    (secret) => secret.expiresAt === undefined || Date.parse(secret.expiresAt) > now,
  )
  const until = expiresAt === undefined ? '' : `, expires ${relative(Date.parse(expiresAt), now)}`
  return `${live.length > 1 ? 'rotating' : 'live'}${until}`
}

interface ShownKey extends Omit<KeyRecord, 'secrets' | 'grants'> {
  readonly grants: readonly GrantOptions[]
  readonly state: string
}

/** Not even hashes. */
function shown({ secrets: _, ...key }: KeyRecord, state: string): ShownKey {
  return { ...key, state }
}
