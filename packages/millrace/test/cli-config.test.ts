/** The configuration of a project, as its command line sees it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { jsonLines, millrace, millraceHere as here, Place, type Answer } from './command-line.ts'

const INDEX = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
const folder = process.cwd()
let place: Place

const write = (name: string, text: string): void => {
  mkdirSync(join(place.path, name, '..'), { recursive: true })
  writeFileSync(join(place.path, name), text)
}

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

const settingsIn = ({ stdout }: Answer): ReadonlyMap<unknown, object> =>
  new Map(jsonLines(stdout).map(({ setting, ...rest }) => [setting, rest]))

test('each setting says where it comes from, and no password is shown', async () => {
  write('millrace.config.json', '{ "store": "postgres://ada:hunter2@db/app", "worker": { "lease": "5s" } }')
  vi.stubEnv('MILLRACE_CONCURRENCY', '25')
  const settings = settingsIn(await here(['config', '--json', '--namespace', 'blue']))
  expect(Object.fromEntries(settings)).toMatchObject({
    store: { value: 'postgres://ada:***@db/app', from: 'file', by: 'millrace.config.json' },
    namespace: { value: 'blue', from: 'option', by: '--namespace' },
    'worker.concurrency': { value: 25, from: 'environment', by: 'MILLRACE_CONCURRENCY' },
    'worker.lease': { value: '5s', from: 'file', by: 'millrace.config.json' },
    'worker.drain': { value: null, from: 'built-in', by: null },
  })
  const { code, stdout } = await here(['config'])
  expect(code).toBe(0)
  expect(stdout).toMatch(/^The configuration is millrace\.config\.json\.$/m)
  expect(stdout).toMatch(/^worker\.concurrency +25 +environment MILLRACE_CONCURRENCY$/m)
  expect(stdout).not.toContain('hunter2')
})

test('another file can be named, or none', async () => {
  write('millrace.config.json', '{ "store": "sqlite:here.db" }')
  write('elsewhere/blue.json', '{ "store": "sqlite:blue.db", "handlers": ["./handlers.ts"] }')
  const named = settingsIn(await here(['config', '--json', '--config', 'elsewhere/blue.json']))
  expect(named.get('store')).toMatchObject({ value: 'sqlite:blue.db', by: 'elsewhere/blue.json' })
  expect(named.get('handlers')).toMatchObject({ value: ['elsewhere/handlers.ts'] })
  vi.stubEnv('MILLRACE_CONFIG', 'elsewhere/blue.json')
  expect(settingsIn(await here(['config', '--json'])).get('store')).toMatchObject({ value: 'sqlite:blue.db' })
  const none = settingsIn(await here(['config', '--json', '--no-config']))
  expect(none.get('store')).toMatchObject({ value: 'sqlite:millrace.db', from: 'built-in' })
})

test.each<[string, Readonly<Record<string, string>>, readonly string[], RegExp, RegExp]>([
  ['a slip', { 'millrace.config.json': '{ "stoer": "memory:" }' }, [], /no "stoer"/, /Did you mean store\?/],
  ['no JSON', { 'millrace.config.json': '{ store: 1 }' }, [], /is no JSON/, /Comments/],
  [
    'no default export',
    { 'millrace.config.js': 'export const store = 1' },
    [],
    /no default export/,
    /defineConfig/,
  ],
  [
    'one that throws',
    { 'millrace.config.js': 'throw new Error("no way")' },
    [],
    /cannot be loaded: no way/,
    /node mill/,
  ],
  ['two', { 'millrace.config.js': '', 'millrace.config.json': '{}' }, [], /two configurations/, /--config/],
  ['none where one is named', {}, ['--config', 'none.ts'], /no configuration none\.ts/, /looked for at/],
])('%s is wrong usage, whatever the command', async (_, files, args, message, hint) => {
  for (const [name, text] of Object.entries(files)) write(name, text)
  for (const verb of ['config', 'tasks']) {
    const { code, stdout, stderr } = await here([verb, ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    const [first, second] = stderr.split('\n')
    expect(first).toMatch(message)
    expect(second).toMatch(hint)
  }
})

test('a worker runs by the configuration alone: its store, its handlers, its slots, its plugins, its logger', async () => {
  write(
    'src/handlers.ts',
    `import { defineTask, unchecked } from ${INDEX}
     export const hello = defineTask('hello', { input: unchecked<string>() }).handler((name, ctx) => ctx.log.info('hello ' + name))`,
  )
  write(
    'millrace.config.ts',
    `import { defineConfig } from ${INDEX}
     const say = (...args: unknown[]) => console.log('LOG', args.at(-1))
     export default defineConfig({
       store: 'sqlite:own.db',
       handlers: ['./src/handlers.ts'],
       worker: { concurrency: 3 },
       plugins: [{
         name: 'shout',
         enqueue: ({ drafts }, next) => {
           for (const draft of drafts) draft.input = draft.input.toUpperCase()
           return next()
         },
         run: (call, next) => {
           console.log('BEFORE', call.input)
           return next()
         },
       }],
       logger: { debug: say, info: say, warn: say, error: say },
     })`,
  )
  const run = (...args: readonly string[]): Promise<Answer> => millrace(args, { cwd: place.path })
  expect(await run('worker', '--until-idle')).toMatchObject({ code: 0, stderr: '' })
  expect((await run('enqueue', 'hello', '"Ada"')).code).toBe(0)
  const { code, stdout } = await run('worker', '--until-idle')
  expect(code).toBe(0)
  expect(stdout).toMatch(/on sqlite:own\.db runs hello\./)
  expect(stdout).toMatch(/^BEFORE ADA\nLOG hello ADA$/m)
  expect(stdout).toMatch(/1 task succeeded/)
  expect((await run('config')).stdout).toMatch(/^plugins +shout +file millrace\.config\.ts$/m)
})

test('a module that Node takes for CommonJS is told what to do about', async () => {
  write('package.json', '{ "type": "commonjs" }')
  write('millrace.config.ts', `import { defineConfig } from ${INDEX}\nexport default defineConfig({})`)
  const { code, stderr } = await millrace(['config'], { cwd: place.path })
  expect(code).toBe(2)
  expect(stderr).toMatch(/cannot be loaded: [^\n]*\n {2}Node takes it for CommonJS: put "type": "module"/)
})

test('a worker without any module says what to do', async () => {
  const { code, stderr } = await here(['worker', '--with-parent'])
  expect(code).toBe(2)
  expect(stderr).toBe(
    'millrace: No module with handlers is named.\n' +
      "  Name one, as in src/handlers.ts, or put handlers: ['./src/handlers.ts'] into millrace.config.ts.\n",
  )
})
