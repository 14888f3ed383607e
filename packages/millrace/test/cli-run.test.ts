/** `millrace run`: one handler, dry. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { jsonLines, millraceHere, Place, type Answer } from './command-line.ts'

const INDEX = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
const ZOD = JSON.stringify(import.meta.resolve('zod'))
const folder = process.cwd()
let place: Place

beforeAll(() => {
  place = new Place()
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { compressed, defineTask, NonRetryableError, richJson, SnoozeError, unchecked } from ${INDEX}
     import { z } from ${ZOD}
     const child = defineTask('child', { input: z.object({ n: z.number() }) })
     const define = (name) => defineTask(name, { input: z.object({ n: z.number() }), unique: { key: (i) => 'k' + i.n } })
     const all = defineTask('all', { input: z.object({ n: z.string().transform(Number) }), output: z.number() })
     export default [
       all.handler(async ({ n }, ctx) => {
         ctx.log.warn({ n }, 'half way')
         ctx.progress(0.5, 'resized')
         await ctx.checkpoint({ page: n })
         await ctx.enqueue(child, { n }, { key: 'one', delay: '5s' })
         await ctx.enqueue(all, { n: '1' })
         return n * 2
       }, { runIn: 'process' }),
       define('throws').handler(() => { throw new TypeError('not today') }),
       define('final').handler(() => { throw new NonRetryableError('never') }),
       define('snoozes').handler(() => { throw new SnoozeError('5m') }),
       define('badChild').handler((_, ctx) => ctx.enqueue(child, { n: 'x' })),
       defineTask('rich', { input: unchecked(), codec: compressed(richJson) }).handler(async (_, ctx) => {
         const circle = {}
         circle.circle = circle
         ctx.log.info({ big: 1n, circle }, 'looked')
         await ctx.checkpoint(new Set([1n]))
         return new Map([['total', 3n], ['at', new Date(0)]])
       }),
       defineTask('late', { input: unchecked(), deadline: '50ms', retry: false }).handler((_, { signal }) =>
         new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))),
       define('nothing').handler(() => undefined),
       defineTask('wrong', { input: unchecked<null>(), output: z.number() }).handler(() => 'text' as never),
       defineTask('hangs', { input: unchecked<null>(), timeout: '50ms' }).handler((_, { signal }) =>
         new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))),
       defineTask('joins', { input: unchecked<null>() }).handler<never>((_, ctx) => ctx.transaction(() => {})),
       defineTask('batch', { input: unchecked<number>() }).batch({ size: 5 }, (items, ctx) => {
         ctx.items[0].progress(1)
         return items.map((i) => i + 1)
       }),
     ]`,
  )
  process.chdir(place.path)
})

afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

const run = (task: string, input: unknown, ...more: readonly string[]): Promise<Answer> =>
  millraceHere(['run', 'handlers.ts', task, JSON.stringify(input), ...more])

test('what a handler does is shown, its result goes to stdout, and nothing is written', async () => {
  const { code, stdout, stderr } = await run('all', { n: '21' })
  expect({ code, stdout }).toEqual({ code: 0, stdout: '42\n' })
  expect(stderr).toMatch(/ half way n=21\n/)
  expect(stderr).toContain('progress 50 % resized\n')
  expect(stderr).toContain('would save the checkpoint {"page":21}\n')
  expect(stderr).toContain('would enqueue child {"n":21} with {"key":"one","delay":"5s"}\n')
  // not run, although its handler is there
  expect(stderr.match(/would enqueue all \{"n":"1"\}\n/g)).toHaveLength(1)
  expect(stderr).toMatch(/Succeeded in .*\. Nothing was written\.\n$/)
  expect(readdirSync('.')).toEqual(['handlers.ts'])
})

test('with --json it is all lines of JSON', async () => {
  const { stdout, stderr } = await run('all', { n: '21' }, '--json')
  expect(stderr).toBe('')
  expect(jsonLines(stdout)).toMatchObject([
    { kind: 'log', level: 'warn', message: 'half way', n: 21 },
    { kind: 'progress', fraction: 0.5, message: 'resized' },
    { kind: 'checkpoint', value: { page: 21 } },
    { kind: 'enqueue', task: 'child', input: { n: 21 }, options: { key: 'one', delay: '5s' } },
    { kind: 'enqueue', task: 'all' },
    { kind: 'succeeded', result: 42 },
  ])
})

test.each<[string, unknown, RegExp, RegExp]>([
  [
    'throws',
    { n: 1 },
    /failed after .*: TypeError: not today\.$/,
    /^ {2}At handlers\.ts:\d+:\d+\. .*again after/,
  ],
  ['final', { n: 1 }, /NonRetryableError: never\.$/, /would be a dead letter\. Nothing was written\.$/],
  ['wrong', null, /The result of wrong does not match its schema/, /dead letter/],
  ['badChild', { n: 1 }, /The input of child does not match its schema: n/, /Nothing was written/],
  ['late', null, /AbortError|TimeoutError/, /dead letter/],
  ['hangs', null, /AbortError|TimeoutError/, /again after/],
  ['joins', null, /works in transactions of its store/, /again after/],
])('%s fails, and exits with 1', async (task, input, message, hint) => {
  const { code, stdout, stderr } = await run(task, input)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  const [first, second] = stderr.split('\n')
  expect(first).toMatch(message)
  expect(second).toMatch(hint)
})

test.each<[string, unknown, string, RegExp]>([
  ['snoozes', { n: 1 }, '', /again after 5 m\. Nothing was written/],
  ['nothing', { n: 1 }, '', /without a result/],
  [
    'rich',
    null,
    '[\n  [\n    "total",\n    "3"\n  ],\n  [\n    "at",\n    "1970-01-01T00:00:00.000Z"\n  ]\n]\n',
    /looked big="1" circle=TypeError: .*\nwould save the checkpoint \["1"\]\nSucceeded/,
  ],
  ['batch', 20, '21\n', /^progress 100 %\nSucceeded/],
])('%s is no failure', async (task, input, result, text) => {
  const { code, stdout, stderr } = await run(task, input)
  expect({ code, stdout }).toEqual({ code: 0, stdout: result })
  expect(stderr).toMatch(text)
})

test.each<[string, readonly string[], number, RegExp]>([
  ['an input that does not match', ['all', '{"n":3}'], 2, /The input of all does not match its schema: n/],
  ['no JSON', ['all', '{'], 2, /no JSON/],
  [
    'a task that is not there',
    ['al', '{}'],
    1,
    /no handler of a task "al" in handlers\.ts\.\n {2}Did you mean all\?/,
  ],
])('%s is refused', async (_, args, code, message) => {
  const answer = await millraceHere(['run', 'handlers.ts', ...args])
  expect(answer).toMatchObject({ code, stdout: '' })
  expect(answer.stderr).toMatch(message)
})
