// Carries out the steps of deploy/Dockerfile without an engine of containers, in a folder of its own: copies what git knows, runs
// each RUN, starts the entry point and asks it by the health check. It takes minutes and a registry (or npm's cache:
// npm_config_offline=true), so npm test does not run it: `npm exec -c 'node scripts/container-steps.mjs'`.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'

const root = join(import.meta.dirname, '..')
const place = mkdtempSync(join(tmpdir(), 'millrace-container-'))
const steps = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8').split('\n')
/** Paths of the image, each as one below `place`. */
const inside = (/** @type {string} */ text) =>
  text.replaceAll(/(?<![\w.])\/(build|packed|app|data)\b/g, `${place}/$1`)

let folder = place
for (const step of steps) {
  const [, verb = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(step) ?? []
  if (verb === 'WORKDIR') mkdirSync((folder = inside(rest)), { recursive: true })
  if (verb === 'COPY') copy(rest.split(' '))
  // the user of the image is none of this machine
  if (verb === 'RUN' && !rest.startsWith('chown ')) {
    console.log(`RUN ${rest}`)
    execFileSync('/bin/sh', ['-c', inside(rest)], { cwd: folder, stdio: 'inherit' })
  }
}
try {
  await serve()
  console.log('The steps of the image work.')
} finally {
  rmSync(place, { recursive: true, force: true, maxRetries: 5 })
}

/** @param {readonly string[]} given */
function copy([from = '', to = '']) {
  if (from.startsWith('--from')) return
  if (from !== '.') return cpSync(join(root, from), inside(to))
  const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
  })
  for (const file of String(files).split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(root, file), join(folder, file))
  }
}

async function serve() {
  const port = '17420'
  const env = { ...process.env, MILLRACE_HTTP_PORT: port, MILLRACE_GRPC_PORT: '0' }
  const [program, ...args] = commandOf('ENTRYPOINT')
  const server = spawn(program, [...args, ...commandOf('CMD')], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(server, 'exit')
  await Promise.race([once(server.stdout, 'data'), exited])
  const health = join(place, 'app/healthcheck.mjs')
  execFileSync(process.execPath, [health], { env, stdio: 'inherit' })
  server.kill('SIGTERM')
  const [code] = await exited
  if (code !== 0) throw new Error(`The server ended with ${String(code)}.`)
}

/**
 * @param {string} verb
 * @returns {[string, ...string[]]}
 */
function commandOf(verb) {
  const found = steps.find((step) => step.startsWith(`${verb} `))
  return JSON.parse(inside(found?.slice(verb.length + 1) ?? '[]'))
}
