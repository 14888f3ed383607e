import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))

test('turns are taken, order and limits hold, and budgets turn away', { timeout: 60_000 }, async () => {
  using place = new Place()
  const { stdout } = await promisify(execFile)(process.execPath, [path('flow-control.ts')], {
    cwd: place.path,
  })
  const [reports, ...lines] = stdout.split('\n')
  expect(reports!.split(' ').slice(1).toSorted()).toEqual(['Ada', 'Ada', 'Bob', 'Bob', 'Bob', 'Bob'])
  // Ada's last one does not wait for Bob's
  expect(reports!.split(' ').at(-1)).toBe('Bob')
  expect(lines).toEqual([
    'balances: 100 70 75',
    'charged at once: 2',
    'The partition Eve has used 3 of 3 tasks of this period.',
    '',
  ])
})

test('the guide shows what the file says, line by line', () => {
  const guide = readFileSync(path('../docs/flow-control.md'), 'utf8')
  const file = readFileSync(path('flow-control.ts'), 'utf8').replaceAll(/^ +/gm, '')
  const blocks = [...guide.matchAll(/```ts\n([^`]*)```/g)].map(([, block]) =>
    block!.trim().replaceAll(/^ +/gm, ''),
  )
  expect(blocks.length).toBeGreaterThan(4)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
