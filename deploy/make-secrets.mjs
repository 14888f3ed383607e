// Makes the secrets that compose.yaml names, in a folder `secrets` beside it or in the one that is named; what is there
// already is kept. What it prints is shown once.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

const folder = process.argv[2] ?? join(import.meta.dirname, 'secrets')
// of the package, so that it is found in the image too
const cli = fileURLToPath(new URL('cli/main.js', import.meta.resolve('millrace')))
const keys = join(folder, 'server', 'keys.json')
mkdirSync(folder, { recursive: true, mode: 0o700 })
mkdirSync(join(folder, 'server'), { recursive: true, mode: 0o755 })

/** The containers run as other users: their folder is what keeps others of this machine out. */
function keep(/** @type {string} */ name, /** @type {() => string} */ make) {
  const path = join(folder, name)
  if (!existsSync(path)) writeFileSync(path, `${make()}\n`, { mode: 0o644 })
  return readFileSync(path, 'utf8').trim()
}

/** A new key of the server's. */
function key(/** @type {string} */ name, /** @type {string} */ role) {
  const options = ['--role', role, '--queues', '**', '--keys', keys, '--no-config']
  // the key alone is on stdout; what else is said is for those who see it fail
  const made = execFileSync(process.execPath, [cli, 'keys', 'create', name, ...options], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  chmodSync(keys, 0o644)
  return made.trim()
}

const random = () => randomBytes(24).toString('base64url')
const password = keep('postgres-password', random)
keep('postgres-url', () => `postgres://millrace:${password}@db/millrace`)
const grafana = keep('grafana-password', random)
const isNew = !existsSync(keys)
keep('metrics-token', () => key('prometheus', 'viewer'))
if (isNew) console.log(`A key that may do everything, shown this once:\n${key('admin', 'admin')}`)
console.log(`The password of admin at Grafana:\n${grafana}`)
