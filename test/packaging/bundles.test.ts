/** What becomes of Millrace in a bundle, which runs where nothing is installed. docs/bundling.md says the same. */
import { execFile } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type BuildOptions } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { startRedis, type RedisServer } from '../servers/redis.ts'
import { ROOT } from './packed.ts'
import type { Played } from './project/play.mts'

/** What a bundle in which threads are started needs beside itself: as in docs/bundling.md. */
const ENTRIES = [
  'sqlite/dist/sqlite-thread.js',
  'postgres/dist/postgres-leases.js',
  'redis/dist/redis-leases.js',
  'server/dist/remote/remote-leases.js',
  'core/dist/heart/heart-thread.js',
  'core/dist/platform/isolate-thread.js',
  'core/dist/platform/isolate-process.js',
]
/** The drivers are CommonJS: in an ES module their `require` has to come from somewhere. */
const REQUIRE = {
  js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
}

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-bundle-'))
})
afterEach(() => rmSync(folder, { recursive: true, maxRetries: 5 }))

async function bundle(format: 'esm' | 'cjs', entryPoints: readonly string[]): Promise<void> {
  const ending = format === 'esm' ? '.mjs' : '.cjs'
  const options: BuildOptions = {
    entryPoints: [...entryPoints],
    bundle: true,
    platform: 'node',
    format,
    outdir: folder,
    entryNames: '[name]',
    logLevel: 'error',
    ...(entryPoints.length === 1 ? { outExtension: { '.js': ending } } : {}),
    ...(format === 'esm' ? { banner: REQUIRE } : {}),
  }
  await build(options)
}

const source = (name: string): string => join(import.meta.dirname, 'project', name)

async function node(...args: readonly string[]): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, env })
  return stdout.trim()
}

let postgres: PostgresServer
let redis: RedisServer
beforeAll(async () => {
  ;[postgres, redis] = await Promise.all([startPostgres(), startRedis()])
})
afterAll(async () => {
  await Promise.all([postgres, redis].map((server) => server[Symbol.asyncDispose]()))
})

test.each(['esm', 'cjs'] as const)(
  'one file (%s): producers work on servers, and what needs a thread says so, before it writes anything',
  async (format) => {
    await bundle(format, [source('producer.mts')])
    const produced = (...args: readonly string[]): Promise<string> =>
      node(`producer.${format === 'esm' ? 'mjs' : 'cjs'}`, ...args)
    const answers = await Promise.all([
      produced(postgres.url),
      produced(redis.url),
      produced(postgres.url, 'work'),
      produced(redis.url, 'work'),
      produced('sqlite:app.db'),
    ])
    expect(answers.slice(0, 2)).toEqual(['created', 'created'])
    for (const [i, name] of ['postgres-leases', 'redis-leases', 'sqlite-thread'].entries())
      expect(answers[i + 2]).toMatch(
        new RegExp(`^The module ${name} of Millrace is not found: .* --packages=external`),
      )
    expect(existsSync(join(folder, 'app.db'))).toBe(false)
  },
)

test('with what is started by its address as entries of its own a worker has all its threads', async () => {
  const entries = ENTRIES.map((path) => join(ROOT, 'packages', path))
  await bundle('esm', [source('bundled.mts'), source('handlers.mts'), ...entries])
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const printed = await Promise.all(['sqlite:app.db', redis.url].map((store) => node('bundled.js', store)))
  for (const text of printed) {
    const { pid, ...played } = JSON.parse(text) as Played
    expect(played).toMatchObject({ greeting: 'Hello Ada', attempt: 1, thread: `${pid} thread` })
  }
}, 60_000)

test('the entries are all modules that are started by their address', () => {
  const named = globSync('packages/*/src/**/*.ts', { cwd: ROOT }).flatMap((path) => {
    const found = readFileSync(join(ROOT, path), 'utf8').matchAll(
      /besideModule\(import\.meta\.url, '([\w-]+)'/g,
    )
    return [...found].map(([, name]) => `${name}.js`)
  })
  expect(named.toSorted()).toEqual(ENTRIES.map((path) => path.slice(path.lastIndexOf('/') + 1)).toSorted())
  const page = readFileSync(join(ROOT, 'docs/bundling.md'), 'utf8')
  expect(ENTRIES.filter((path) => !page.includes(`@millrace/${path}`))).toEqual([])
})
