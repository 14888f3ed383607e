/** `millrace serve` and `millrace keys`, as a newcomer and as an operator have them. */
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ChildProcess } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ended, jsonLines, millraceHere as here, Place, start, written, type Answer } from './command-line.ts'

const folder = process.cwd()
let place: Place

beforeEach(() => {
  place = new Place()
  process.chdir(place.path)
  vi.stubEnv('MILLRACE_STORE', undefined)
})

afterEach(() => {
  vi.unstubAllEnvs()
  process.chdir(folder)
  place[Symbol.dispose]()
})

const FILE = ['--keys', 'keys.json']
const PRODUCER = ['--role', 'producer', '--queues', 'mail,media.*']

async function created(name: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await here(['keys', 'create', name, ...PRODUCER, ...FILE, ...args])
  expect({ code, stderr }).toMatchObject({ code: 0 })
  return stdout.trim()
}

const states = async (): Promise<Readonly<Record<string, unknown>>> => {
  const lines = jsonLines((await here(['keys', 'list', '--json', ...FILE])).stdout)
  return Object.fromEntries<unknown>(lines.map(({ name, state }) => [String(name), state]))
}

describe('keys', () => {
  test('a key is shown once, alone on stdout, and is nowhere in the file nor in the list', async () => {
    const key = await created('shop', '--expires', '90d')
    expect(key).toMatch(/^mr_\w+_\w{43}$/)
    expect(statSync('keys.json').mode & 0o777).toBe(0o600)
    const { stdout } = await here(['keys', 'list', ...FILE])
    expect(stdout).toMatch(/^shop +\w+ +producer:mail,media\.\* +live, expires in (89|90) d/m)
    const secret = key.split('_')[2]!
    expect(readFileSync('keys.json', 'utf8') + stdout).not.toContain(secret)
    const [line] = jsonLines((await here(['keys', 'list', '--json', ...FILE])).stdout)
    expect(line).not.toHaveProperty('secrets')
    expect(line).toMatchObject({ grants: [{ role: 'producer', queues: ['mail', 'media.*'] }] })
  })

  test('it is rotated, revoked, and made anew under its name', async () => {
    const first = await created('shop')
    const rotated = await here(['keys', 'rotate', 'shop', '--keep', '2h', ...FILE])
    expect(rotated.stdout.trim()).not.toBe(first)
    expect(rotated.stderr).toMatch(/counts until 20/)
    expect(await states()).toEqual({ shop: 'rotating' })
    expect((await here(['keys', 'revoke', 'shop', ...FILE])).stdout).toBe('The key shop counts no more.\n')
    expect(await states()).toEqual({ shop: expect.stringMatching(/^revoked/) as string })
    await created('shop')
    expect(Object.values(await states())).toEqual(['live'])
  })

  test('several grants, and the file by a variable or the configuration', async () => {
    vi.stubEnv('MILLRACE_KEYS_FILE', 'by-variable.json')
    const grants = ['--grant', 'operator:**', 'worker:mail,media.*']
    expect((await here(['keys', 'create', 'ops', ...grants])).code).toBe(0)
    expect((await here(['keys', 'list'])).stdout).toMatch(/ops .* operator:\*\* worker:mail,media\.\* /)
    vi.stubEnv('MILLRACE_KEYS_FILE', undefined)
    writeFileSync('millrace.config.json', '{ "server": { "auth": { "keys": "by-variable.json" } } }')
    expect((await here(['keys', 'list'])).stdout).toMatch(/^ops/m)
  })

  test.each<[string, readonly string[], number, RegExp, RegExp]>([
    ['no file', ['create', 'a', ...PRODUCER], 2, /No file of keys/, /--keys/],
    ['nothing to do', ['create', 'a', ...FILE], 2, /not said what/, /--role/],
    ['a role without queues', ['create', 'a', '--role', 'admin', ...FILE], 2, /go together/, /\*\*/],
    ['an unknown role', ['create', 'a', '--grant', 'root:**', ...FILE], 2, /"root:\*\*"/, /producer, worker/],
    ['a pattern that is none', ['create', 'a', '--grant', 'admin:me*', ...FILE], 2, /"me\*"/, /media\.\*/],
    ['a name that is none', ['create', 'a b', ...PRODUCER, ...FILE], 2, /"a b"/, /letters/],
    [
      'a duration that is none',
      ['create', 'a', ...PRODUCER, ...FILE, '--expires', 'soon'],
      2,
      /"soon"/,
      /'1d'/,
    ],
    ['an unknown key', ['revoke', 'nobody', ...FILE], 2, /no key "nobody"/, /keys list/],
    ['a file that is not there', ['list', ...FILE], 1, /no file of keys keys\.json/, /keys create/],
  ])('%s is told in a sentence', async (_, args, code, message, hint) => {
    const answer = await here(['keys', ...args])
    expect({ code: answer.code, stdout: answer.stdout }).toEqual({ code, stdout: '' })
    const [first, second] = answer.stderr.split('\n')
    expect(first).toMatch(message)
    expect(second).toMatch(hint)
  })
})

test('the help of both says how to begin, what is safe, and nothing that is not there', async () => {
  const serve = await here(['serve', '--help'])
  expect(serve.stdout).toMatch(/Examples:\n {2}millrace serve\n/)
  expect(serve.stdout).toMatch(/127\.0\.0\.1, which only this\s+machine reaches/)
  for (const option of [
    'keys',
    'jwks',
    'tls-cert',
    'tls-client-ca',
    'allow-no-auth',
    'allow-no-tls',
    'audit',
    'drain',
  ])
    expect(serve.stdout).toContain(`--${option} `.trimEnd())
  const keys = await here(['keys', '--help'])
  expect(keys.stdout).toMatch(/Roles: producer \(enqueue/)
  expect(keys.stdout).toMatch(/media\.\* \(one segment more/)
})

test.each<[string, readonly string[], RegExp, RegExp]>([
  ['open to others', ['--host', '0.0.0.0'], /nobody would be asked/, /keys create/],
  ['without TLS', ['--host', '0.0.0.0', ...FILE], /unencrypted/, /--tls-cert/],
  ['a certificate without its key', ['--tls-cert', 'a.pem'], /tls\.key/, /--tls-key/],
  ['tokens without an issuer', ['--jwks', 'https://id.example/'], /issuer/, /--issuer/],
  [
    'tokens over http',
    ['--jwks', 'http://id.example/', '--issuer', 'a', '--audience', 'b'],
    /public keys/,
    /https/,
  ],
  ['a port that is none', ['--port', 'x'], /"x" is no port/, /65535/],
  ['keys that are not there', ['--keys', 'none.json'], /none\.json/, /keys create/],
])('%s is refused before anything is written', async (_, args, message, hint) => {
  if (args.includes('keys.json')) await created('shop')
  const { code, stdout, stderr } = await here(['serve', '--port', '0', '--grpc-port', '0', ...args])
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr.split('\n')[0]).toMatch(message)
  expect(stderr.split('\n')[1]).toMatch(hint)
  expect(existsSync('millrace.db')).toBe(false)
})

test('what is in force comes from options, variables and the file, and no secret is shown', async () => {
  writeFileSync(
    'millrace.config.json',
    '{ "server": { "host": "::1", "tls": { "cert": "tls/a.pem" }, "auth": { "jwt": { "jwks": "https://u:hunter2@id/" } } } }',
  )
  writeFileSync('store', 'postgres://ada:hunter3@db/app\n')
  vi.stubEnv('MILLRACE_STORE_FILE', 'store')
  vi.stubEnv('MILLRACE_HTTP_PORT', '8080')
  vi.stubEnv('MILLRACE_GRPC_PORT', 'none')
  const { stdout } = await here(['config', '--json'])
  const settings = Object.fromEntries<object>(
    jsonLines(stdout).map(({ setting, ...rest }) => [String(setting), rest]),
  )
  expect(settings).toMatchObject({
    store: { value: 'postgres://ada:***@db/app', from: 'environment', by: 'MILLRACE_STORE_FILE' },
    'server.host': { value: '::1', from: 'file' },
    'server.port': { value: 8080, from: 'environment', by: 'MILLRACE_HTTP_PORT' },
    'server.grpcPort': { value: false, by: 'MILLRACE_GRPC_PORT' },
    'server.tls.cert': { value: 'tls/a.pem' },
    'server.auth.jwt.jwks': { value: 'https://u:***@id/' },
  })
  expect(stdout).not.toMatch(/hunter/)
  vi.stubEnv('MILLRACE_STORE', 'memory:')
  expect((await here(['tasks'])).stderr).toMatch(/Both MILLRACE_STORE and MILLRACE_STORE_FILE/)
  vi.stubEnv('MILLRACE_STORE', undefined)
  vi.stubEnv('MILLRACE_STORE_FILE', 'nowhere')
  expect((await here(['tasks'])).stderr).toMatch(/nowhere cannot be read \(ENOENT\)/)
  writeFileSync('millrace.config.json', '{ "server": { "prot": 1 } }')
  vi.stubEnv('MILLRACE_STORE_FILE', undefined)
  expect((await here(['tasks'])).stderr).toMatch(/no "prot"[\s\S]*port/)
})

interface Running {
  readonly child: ChildProcess
  readonly url: string
  readonly answer: Promise<Answer>
}

async function serving(...args: readonly string[]): Promise<Running> {
  const child = start(['serve', '--port', '0', '--grpc-port', '0', ...args], { cwd: place.path })
  const answer = ended(child)
  const said = await written(child, /Try it: .*\n/)
  return { child, answer, url: /REST {2}(\S+)/.exec(said)![1]! }
}

function got(url: string, key?: string): Promise<IncomingMessage> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  return new Promise((resolve, reject) => {
    httpGet(url, { headers, agent: false }, resolve).once('error', reject)
  })
}

test('it serves, lets in who has a key, lets out whose key is revoked, and ends in good order', async () => {
  const key = await created('shop')
  const { child, url, answer } = await serving(...FILE)
  const status = async (given?: string): Promise<number> => {
    const response = await got(`${url}/v1/queues`, given)
    await text(response)
    return response.statusCode!
  }
  expect((await got(`${url}/livez`)).statusCode).toBe(200)
  expect((await got(`${url}/readyz`)).statusCode).toBe(200)
  expect(await status(key)).toBe(403) // a producer does not look around
  expect(await status()).toBe(401)
  expect(await status(`${key.slice(0, -1)}!`)).toBe(401)
  const began = performance.now()
  await here(['keys', 'revoke', 'shop', ...FILE])
  while ((await status(key)) !== 401) expect(performance.now() - began).toBeLessThan(5_000)
  child.kill('SIGTERM')
  const { code, stdout, stderr } = await answer
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(/^Millrace serves sqlite:millrace\.db\. Ctrl-C stops it\.\n {2}REST/)
  expect(stdout).toMatch(/Try it: curl -H "Authorization: Bearer \$MILLRACE_TOKEN" http:\/\/127/)
  expect(stdout).toMatch(/drains[\s\S]*has stopped\.\n$/)
  expect(stdout).not.toContain(key)
})

test('a stream of events is open until the server ends, and then ends by itself', async () => {
  const { child, url, answer } = await serving()
  const stream = await got(`${url}/v1/events`)
  expect(stream.headers['content-type']).toMatch(/^text\/event-stream/)
  const read = text(stream)
  child.kill('SIGTERM')
  await read
  expect(stream.complete).toBe(true)
  expect((await answer).code).toBe(0)
})

test('without keys it says that nobody is asked; a second signal ends it at once, with 0', async () => {
  const { child, answer } = await serving('--drain-delay', '1h')
  child.kill('SIGINT')
  await written(child, /drains/)
  child.kill('SIGINT')
  const { code, stderr } = await answer
  expect(code).toBe(0)
  expect(stderr).toMatch(/^millrace: Nobody is asked who they are/)
})

test('two servers on one port: the second one says so', async () => {
  const { child, url, answer } = await serving()
  const { port } = new URL(url)
  const second = await here(['serve', '--port', port])
  expect(second).toMatchObject({ code: 2, stdout: '' })
  expect(second.stderr).toMatch(/EADDRINUSE[\s\S]*--port/)
  child.kill('SIGTERM')
  await answer
  if (child.exitCode === null) await once(child, 'exit')
})
