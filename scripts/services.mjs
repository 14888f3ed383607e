// The programs that the tests need beside Node: found on the machine, or installed when that can be done.
// Plain JavaScript that runs on Node 20 as well, like everything that the launchers share.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

/**
 * @typedef {object} Service
 * @property {string} title
 * @property {string} program what is run
 * @property {string} variable names a server of one's own, which is used instead
 * @property {string} debianPackage
 * @property {() => string[]} folders where it may be beside the PATH
 */

/** @type {Readonly<Record<'postgres' | 'redis', Service>>} */
export const services = {
  postgres: {
    title: 'Postgres',
    program: 'initdb',
    variable: 'MILLRACE_TEST_POSTGRES_URL',
    debianPackage: 'postgresql',
    folders: debianPostgres,
  },
  redis: {
    title: 'Redis',
    program: 'redis-server',
    variable: 'MILLRACE_TEST_REDIS_URL',
    debianPackage: 'redis-server',
    folders: () => [],
  },
}

/** Where a service's program is, or undefined. */
export function programOf(/** @type {Service} */ { program, folders }) {
  const path = (process.env['PATH'] ?? '').split(delimiter)
  return [...folders(), ...path].map((folder) => join(folder, program)).find((file) => existsSync(file))
}

/**
 * Installs what is missing, as root on Debian, and says so.
 *
 * @param {(text: string) => void} say
 * @throws {Error} naming what is missing, where it cannot be installed
 */
export function ensureServices(say) {
  const missing = Object.values(services).filter(
    (service) => process.env[service.variable] === undefined && programOf(service) === undefined,
  )
  if (missing.length === 0) return
  const packages = missing.map(({ debianPackage }) => debianPackage)
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    say(`Installing what the tests need with apt-get: ${packages.join(', ')}.`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]]) {
      spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    }
  }
  const still = missing.filter((service) => programOf(service) === undefined)
  if (still.length > 0) throw new Error(still.map(lack).join('\n'))
}

/** @returns {string} */
function lack(/** @type {Service} */ { title, program, variable, debianPackage }) {
  return `The tests need ${title}: there is no ${program} on the PATH. Install it (on Debian: apt-get install ${debianPackage}), or name a server of your own with ${variable}.`
}

/** Debian keeps the programs of each version in a folder of its own; the newest comes first. */
function debianPostgres() {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return []
  const found = readdirSync(versions).sort((one, other) => Number(other) - Number(one))
  return found.map((version) => join(versions, version, 'bin'))
}
