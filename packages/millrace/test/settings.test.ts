/** Which of several layers counts, as a table; and what is no configuration. */
import { describe, expect, test } from 'vitest'
import { defineConfig, type MillraceConfig } from '../src/index.ts'
import { resolveSettings, type Flags, type Settings } from '../src/cli/configuration/settings.ts'
import { shownUrl } from '../src/store-url.ts'

interface Given {
  readonly flags?: Flags
  readonly environment?: Readonly<Record<string, string>>
  readonly config?: MillraceConfig
}

function resolved({ flags = {}, environment = {}, config }: Given): Settings {
  const file = config === undefined ? null : { path: 'millrace.config.ts', config }
  return resolveSettings({ flags, environment, file })
}

const flags: Flags = { store: 'sqlite:flag.db', worker: { concurrency: 1 } }
const environment = { MILLRACE_STORE: 'sqlite:variable.db', MILLRACE_CONCURRENCY: '2' }
const config: MillraceConfig = { store: 'sqlite:file.db', worker: { concurrency: 3 } }

test.each<[string, Given, object, object]>([
  [
    'options go first',
    { flags, environment, config },
    { value: 'sqlite:flag.db', from: 'option', by: '--store' },
    { value: 1, from: 'option', by: '--concurrency' },
  ],
  [
    'then variables',
    { environment, config },
    { value: 'sqlite:variable.db', from: 'environment', by: 'MILLRACE_STORE' },
    { value: 2, from: 'environment', by: 'MILLRACE_CONCURRENCY' },
  ],
  [
    'then the file',
    { config },
    { value: 'sqlite:file.db', from: 'file', by: 'millrace.config.ts' },
    { value: 3, from: 'file', by: 'millrace.config.ts' },
  ],
  [
    'then what is built in',
    {},
    { value: 'sqlite:millrace.db', from: 'built-in', by: null },
    { value: undefined, from: 'built-in', by: null },
  ],
  [
    'a variable that is empty says nothing',
    { environment: { MILLRACE_STORE: '', MILLRACE_CONCURRENCY: '' } },
    { value: 'sqlite:millrace.db', from: 'built-in', by: null },
    { value: undefined, from: 'built-in', by: null },
  ],
])('%s', (_, given, store, concurrency) => {
  const settings = resolved(given)
  expect(settings.store).toEqual(store)
  expect(settings.worker.concurrency).toEqual(concurrency)
})

test.each([
  ['media, default', undefined, ['media', 'default']],
  ['media=20,default=5', undefined, { media: 20, default: 5 }],
  ['media=20,default', '7', { media: 20, default: 7 }],
])('the queues %s', (queues, concurrency, expected) => {
  const variables = { MILLRACE_QUEUES: queues, MILLRACE_CONCURRENCY: concurrency ?? '' }
  expect(resolved({ environment: variables }).worker.queues.value).toEqual(expected)
})

test.each([
  ['MILLRACE_STORE', 'mysql://ada:hunter2@host', /^MILLRACE_STORE: .*no store for mysql/],
  ['MILLRACE_STORE', 'postgres://ada:hunt#er2@host', /^MILLRACE_STORE: .*cannot be read/],
  ['MILLRACE_CONCURRENCY', 'many', /^MILLRACE_CONCURRENCY: .*"many"/],
  ['MILLRACE_LEASE', '15 s', /^MILLRACE_LEASE: .*"15 s".*no duration/],
  ['MILLRACE_QUEUES', 'a=1,b', /^MILLRACE_QUEUES: The queue b has no number/],
])('%s=%s is refused', (name, text, message) => {
  const resolving = (): Settings => resolved({ environment: { [name]: text } })
  expect(resolving).toThrow(
    expect.objectContaining({ code: 'usage', message: expect.stringMatching(message) as string }),
  )
  expect(resolving).not.toThrow(/hunt/)
})

test('handlers of a file are found from its own folder', () => {
  const file = { path: 'conf/millrace.config.ts', config: { handlers: ['../src/a.ts', './b.ts'] } }
  const settings = resolveSettings({ flags: {}, environment: {}, file })
  expect(settings.handlers.value).toEqual(['src/a.ts', 'conf/b.ts'])
})

describe('what is no configuration is refused where it is defined', () => {
  test.each<[string, unknown, RegExp]>([
    ['a slip', { stor: 'memory:' }, /no "stor"/],
    ['a slip of the worker', { worker: { concurency: 2 } }, /worker have no "concurency"/],
    ['handlers of the worker', { worker: { handlers: [] } }, /worker have no "handlers"/],
    ['a store that is none', { store: 'millrace.db' }, /no scheme/],
    ['a store that is no text', { store: 5 }, /store is no text but of the type number/],
    ['handlers that are no list', { handlers: 'src/handlers.ts' }, /handlers is no list/],
    ['a handler that is no path', { handlers: [() => undefined] }, /One of the handlers is no text/],
    ['plugins that are no list', { plugins: { name: 'a' } }, /plugins is no list/],
    ['a logger that is none', { logger: { info: () => undefined } }, /no debug, warn, error/],
    ['no object', 'sqlite:a.db', /The options of the configuration/],
  ])('%s', (_, given, message) => {
    expect(() => defineConfig(given as MillraceConfig)).toThrow(message)
  })

  test('and what is one is answered as it is', () => {
    const given: MillraceConfig = { ...config, logger: console, handlers: ['./a.ts'] }
    expect(defineConfig(given)).toBe(given)
  })
})

test.each([
  ['sqlite:millrace.db', 'sqlite:millrace.db'],
  ['postgres://ada:hunter2@db/app', 'postgres://ada:***@db/app'],
  ['postgres://ada@db/app?password=hunter2&sslmode=x', 'postgres://ada@db/app?password=***&sslmode=x'],
  ['postgres://ada@db/app?sslpassword=hunter2', 'postgres://ada@db/app?sslpassword=***'],
  ['redis://:hunter2@db', 'redis://:***@db'],
  ['postgres://ada:hunt#er2@db/app', 'postgres://***@db/app'],
  ['postgres://ada:hunt er2@[db/app?password=hunter2', 'postgres://***@[db/app?***'],
])('%s is shown as %s', (url, shown) => {
  expect(shownUrl(url)).toBe(shown)
})
