/** Flows and batches, seen from the command line. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chain, connect, defineTask, unchecked } from '../src/index.ts'
import { jsonLines, millrace, millraceHere, Place } from './command-line.ts'

let place: Place
const folder = process.cwd()
const first = defineTask('first', { input: unchecked<number>(), output: unchecked<number>() })
const second = defineTask('second', { input: unchecked<number>(), output: unchecked<number>() })

beforeAll(() => {
  place = new Place()
  process.chdir(place.path)
  const index = JSON.stringify(new URL('../src/index.ts', import.meta.url).href)
  writeFileSync(
    join(place.path, 'handlers.ts'),
    `import { defineTask, unchecked } from ${index}
     const first = defineTask('first', { input: unchecked<number>(), output: unchecked<number>() })
     const second = defineTask('second', { input: unchecked<number>(), output: unchecked<number>() })
     export const handlers = [
       first.handler((n) => n + 1),
       second.batch({ size: 10 }, (items) => items.map((n) => n * 10)),
     ]`,
  )
})
afterAll(() => {
  process.chdir(folder)
  place[Symbol.dispose]()
})

test('a worker of the command line runs batches, and a task says where its input comes from', async () => {
  const mill = await connect()
  const { last, steps } = await mill.enqueueFlow(chain(first.with(1), second))
  await mill.close()
  const before = await millraceHere(['task', last.id])
  expect(before.stdout).toMatch(/input +the results of those it waits for\n/)
  expect(before.stdout).toMatch(new RegExp(`after +${steps[0].id}; 1 not ended yet\n`))
  const [task] = jsonLines((await millraceHere(['task', last.id, '--json'])).stdout)
  expect(task).toMatchObject({ state: 'blocked', inputFrom: 'parents' })

  const { code, stderr } = await millrace(['worker', 'handlers.ts', '--until-idle'], { cwd: place.path })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [done] = jsonLines((await millraceHere(['task', last.id, '--json'])).stdout)
  expect(done).toMatchObject({ state: 'succeeded', result: 20, inputFrom: null })
}, 60_000)
