import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url))
const run = promisify(execFile)

test.each([
  ['flows.ts', '4 words\n12\nall downloads are over, all pages are here\n'],
  ['batches.ts', '200 tasks, 2 calls, 180 succeeded, 20 failed\n'],
])('%s says what it should', async (file, said) => {
  using place = new Place()
  const { stdout } = await run(process.execPath, [path(file)], { cwd: place.path })
  expect(stdout).toBe(said)
})

test.each(['flows', 'batches'])('the guide of %s shows what its file says, line by line', (name) => {
  const guide = readFileSync(path(`../docs/${name}.md`), 'utf8')
  const file = readFileSync(path(`${name}.ts`), 'utf8')
  const blocks = [...guide.matchAll(/```ts\n([^`]*(?:`[^`\n]+`[^`]*)*)```/g)].map(([, block]) =>
    block!.trim(),
  )
  expect(blocks.length).toBeGreaterThan(1)
  expect(blocks.filter((block) => !file.includes(block))).toEqual([])
})
