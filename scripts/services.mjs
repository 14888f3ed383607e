// The programs that the tests need beside Node: found on the machine, or installed when that can be done.
// Plain JavaScript that runs on Node 20 as well, like everything that the launchers share.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'

/**
 * @typedef {object} Service
 * @property {string} title
 * @property {string} program what is run
 * @property {string} [variable] names a program of one's own, which is used instead
 * @property {string} debianPackage
 * @property {() => string[]} folders where it may be beside the PATH
 * @property {'library'} [kind] what is no program
 * @property {'program'} [takes] only this file of the package is taken: all of it would bring what nobody needs
 */

/** @typedef {'promtool' | 'grpcio' | 'protobuf' | 'protoc'} Replaceable */

/**
 * Postgres and Redis have no variable: the tests kill their servers, and start them with settings of all kinds.
 *
 * @type {Readonly<Record<'postgres' | 'redis' | 'openssl' | 'ps' | 'curl', Service> &
 *   Record<Replaceable, Service & { variable: string }>>}
 */
export const services = {
  postgres: {
    title: 'Postgres',
    program: 'initdb',
    debianPackage: 'postgresql',
    folders: debianPostgres,
  },
  redis: {
    title: 'Redis',
    program: 'redis-server',
    debianPackage: 'redis-server',
    folders: () => [],
  },
  openssl: { title: 'openssl', program: 'openssl', debianPackage: 'openssl', folders: () => [] },
  ps: { title: 'ps', program: 'ps', debianPackage: 'procps', folders: () => [] },
  curl: { title: 'curl', program: 'curl', debianPackage: 'curl', folders: () => [] },
  promtool: {
    title: 'promtool',
    program: 'promtool',
    variable: 'MILLRACE_TEST_PROMTOOL',
    debianPackage: 'prometheus',
    folders: () => [],
    takes: 'program',
  },
  grpcio: {
    title: 'gRPC for Python',
    program: 'grpc/__init__.py',
    variable: 'MILLRACE_TEST_PYTHON',
    debianPackage: 'python3-grpcio',
    folders: debianPython,
    kind: 'library',
  },
  protobuf: {
    title: 'protobuf for Python',
    program: 'google/protobuf/__init__.py',
    variable: 'MILLRACE_TEST_PYTHON',
    debianPackage: 'python3-protobuf',
    folders: debianPython,
    kind: 'library',
  },
  protoc: {
    title: 'protoc',
    program: 'protoc',
    variable: 'MILLRACE_TEST_PROTOC',
    debianPackage: 'protobuf-compiler',
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
    (service) => !isReplaced(service) && programOf(service) === undefined,
  )
  if (missing.length === 0) return
  const packages = missing.map(({ debianPackage }) => debianPackage)
  const whole = missing.filter(({ takes }) => takes === undefined)
  if (process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0) {
    say(`Installing what the tests need with apt-get: ${packages.join(', ')}.`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const aptGet = (/** @type {string[]} */ ...args) =>
      spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] })
    aptGet('update')
    if (whole.length > 0)
      aptGet('install', '-y', '--no-install-recommends', ...whole.map(({ debianPackage }) => debianPackage))
    for (const service of missing) if (service.takes === 'program') takeProgram(service)
  }
  const still = missing.filter((service) => programOf(service) === undefined)
  if (still.length === 0) return
  const all = `All of it, on Debian: apt-get install ${still.map(({ debianPackage }) => debianPackage).join(' ')}`
  throw new Error([...still.map(lack), ...(still.length > 1 ? [all] : [])].join('\n'))
}

/**
 * Takes one program out of a package that is not installed: no service of it runs, and nothing comes with it.
 * Whether that came about is seen by whether the program is there.
 */
function takeProgram(/** @type {Service} */ { program, debianPackage }) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-apt-'))
  try {
    /** @type {import('node:child_process').SpawnSyncOptions} */
    const quiet = { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] }
    // the user that apt would otherwise fetch as may not write into the folder
    spawnSync('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', debianPackage], quiet)
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.deb'))
    if (file === undefined) return
    spawnSync('dpkg-deb', ['-x', file, 'whole'], quiet)
    const found = join(folder, 'whole', 'usr', 'bin', program)
    if (existsSync(found)) copyFileSync(found, join('/usr/local/bin', program))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function isReplaced(/** @type {Service} */ { variable }) {
  return variable !== undefined && process.env[variable] !== undefined
}

/** @returns {string} */
function lack(/** @type {Service} */ { title, program, variable, debianPackage, kind }) {
  const [missing, own] =
    kind === 'library'
      ? [`Debian's Python has no ${program}`, 'a Python of your own that has it']
      : [`there is no ${program} on the PATH`, 'one of your own']
  const instead = variable === undefined ? '' : `, or name ${own} with ${variable}`
  return `The tests need ${title}: ${missing}. Install it (on Debian: apt-get install ${debianPackage})${instead}.`
}

/** Where Debian's own Python finds the libraries of packages. */
function debianPython() {
  return ['/usr/lib/python3/dist-packages']
}

/** Debian keeps the programs of each version in a folder of its own; the newest comes first. */
function debianPostgres() {
  const versions = '/usr/lib/postgresql'
  if (!existsSync(versions)) return []
  const found = readdirSync(versions).sort((one, other) => Number(other) - Number(one))
  return found.map((version) => join(versions, version, 'bin'))
}
