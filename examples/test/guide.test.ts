import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

test('the quickstart works as it stands: its files, in two processes', async () => {
  using place = new Place()
  const page = readFileSync(path('docs/guide/quickstart.md'), 'utf8')
  for (const [, text = '', name = ''] of page.matchAll(/^```ts\n(\/\/ (\w+\.ts)\n[^]*?)^```$/gm))
    writeFileSync(join(place.path, name), text)
  writeFileSync(join(place.path, 'package.json'), '{ "type": "module" }')
  symlinkSync(path('node_modules'), join(place.path, 'node_modules'), 'junction')

  const args = [path('packages/millrace/dist/cli/main.js'), 'worker', 'handlers.ts']
  const worker = spawn(process.execPath, args, { cwd: place.path, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(worker, 'exit')
  try {
    const lines = createInterface({ input: worker.stdout })
    const [first] = (await once(lines, 'line')) as [string]
    expect(first).toMatch(/runs greet\. Ctrl-C stops it\.$/)
    const { stdout } = await promisify(execFile)(process.execPath, ['enqueue.ts'], { cwd: place.path })
    expect(stdout).toMatch(/^[0-9a-f-]{36} Hello Ada\n$/)
  } finally {
    worker.kill('SIGINT')
    await ended
  }
  expect(await ended).toEqual([0, null])
})
