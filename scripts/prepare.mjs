// What every launcher in this folder shares: install what is missing, find a Node that is new enough, build, run.
// Plain JavaScript that runs on Node 20 as well: before the first install there may be nothing newer on the machine.
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, join, relative } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

const binFolder = join(root, 'node_modules', '.bin')
const windows = process.platform === 'win32'

/** A failure that is told in one sentence, without a stack. */
export class LaunchError extends Error {}

/** Runs a launcher's body; its number becomes the exit code, and its errors one sentence on stderr. */
export async function launch(/** @type {() => Promise<number>} */ body) {
  try {
    process.exitCode = await body()
  } catch (error) {
    process.stderr.write(`${error instanceof LaunchError ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
}

/** Installs and builds what is missing. From then on `run` finds the right Node. */
export async function prepare() {
  await install()
  await build()
}

/** Runs `npm ci` unless node_modules already is what the lock says. */
export async function install() {
  const reason = staleReason(
    join(root, 'node_modules', '.package-lock.json'),
    join(root, 'package-lock.json'),
  )
  if (reason !== undefined) {
    say(`Installing dependencies with npm ci: ${reason}.`)
    const code = await spawned('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], outerPath())
    if (code !== 0) {
      throw new LaunchError('npm ci failed: see its message above; it needs access to an npm registry.')
    }
  }
  await checkNode()
}

async function build() {
  say('Building with tsc -b.')
  if ((await run('tsc', ['-b', 'tsconfig.build.json'])) !== 0) {
    throw new LaunchError('The build failed: see the messages of tsc above.')
  }
  linkBinary()
}

/** Makes `npx millrace` work: npm links no binary that is not built yet, and tsc writes no executable files. */
function linkBinary() {
  const link = join(binFolder, 'millrace')
  const target = join(root, 'packages', 'millrace', 'dist', 'cli', 'main.js')
  chmodSync(target, 0o755)
  if (!windows && !existsSync(link)) symlinkSync(relative(binFolder, target), link)
}

async function checkNode() {
  if ((await run('node', [join(root, 'scripts', 'node-guard.mjs')])) !== 0) {
    throw new LaunchError(
      'Install Node 24 or newer. (On Linux, x64 and arm64, npm ci brings it along, unless optional dependencies are switched off or could not be fetched: then run npm ci again.)',
    )
  }
}

/** Runs a command of node_modules/.bin, or `node` itself, in the root folder and answers its exit code. */
export function run(/** @type {string} */ command, /** @type {readonly string[]} */ args) {
  return spawned(command, args, `${binFolder}${delimiter}${outerPath()}`)
}

export function say(/** @type {string} */ text) {
  process.stdout.write(`${text}\n`)
}

/** The PATH without the folders that npm puts in front: npm ci must not run on a Node that it is about to delete. */
function outerPath() {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.filter((folder) => !folder.endsWith(join('node_modules', '.bin'))).join(delimiter)
}

/**
 * Why node_modules is not what the lock says, or undefined when it is. Compared by content, not by time:
 * a checkout, a copy or a restored cache changes the times of files and nothing else.
 * @param {string} installedFile
 * @param {string} lockFile
 */
export function staleReason(installedFile, lockFile) {
  if (!existsSync(installedFile)) return 'node_modules is missing or incomplete'
  const installed = packagesOf(installedFile)
  const locked = packagesOf(lockFile)
  for (const [path, entry] of Object.entries(locked)) {
    const found = installed[path]
    // An optional package may be absent: most of them are for other platforms.
    if (
      found === undefined
        ? !entry.optional
        : found.version !== entry.version || found.integrity !== entry.integrity
    ) {
      return `${path} is not the one that package-lock.json names`
    }
  }
  const extra = Object.keys(installed).find((path) => locked[path] === undefined)
  return extra && `${extra} is no longer in package-lock.json`
}

/** @typedef {{ version?: string, integrity?: string, optional?: boolean }} LockEntry */

/** @returns {Record<string, LockEntry>} the installed packages of a lock file, by path; the repository's own folders left out */
function packagesOf(/** @type {string} */ file) {
  /** @type {{ packages?: Record<string, LockEntry> }} */
  let lock
  try {
    lock = JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return {}
  }
  return Object.fromEntries(
    Object.entries(lock.packages ?? {}).filter(([path]) => path.startsWith('node_modules/')),
  )
}

/** @returns {Promise<number>} */
function spawned(
  /** @type {string} */ command,
  /** @type {readonly string[]} */ args,
  /** @type {string} */ path,
) {
  const child = spawn(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
    shell: windows,
  })
  // The child decides what a signal means. A terminal sends SIGINT to both of us: then it already has it.
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  }
  /** @type {readonly NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return new Promise((resolve, reject) => {
    child.on('error', () => reject(new LaunchError(`${command} could not be started: is it on the PATH?`)))
    child.on('exit', (code) => resolve(code ?? 1))
  }).finally(() => {
    for (const signal of signals) process.off(signal, forward)
  })
}
