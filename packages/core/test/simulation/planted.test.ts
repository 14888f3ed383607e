/** Each planted bug is found; the table in docs/simulation.md says by what, and how soon. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { PLANTS } from './plants/plants.ts'

const main = join(import.meta.dirname, 'plants/main.ts')
const page = join(import.meta.dirname, '../../../../docs/simulation.md')

/** The rows of the table for these plants. */
async function rowsOf(names: readonly string[]): Promise<readonly string[]> {
  const args = ['-C', '@millrace/source', '--max-semi-space-size=64', main, ...names]
  // the plants are patches of the sources: not what was built is to run
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, maxBuffer: 1e8 })
  return stdout.trim().split('\n').slice(2)
}

test('the table of planted bugs is what the seeds say', { timeout: 600_000 }, async () => {
  const names = PLANTS.map(({ name }) => name)
  const halves = [names.filter((_, index) => index % 2 === 0), names.filter((_, index) => index % 2 === 1)]
  const rows = (await Promise.all(halves.map(rowsOf))).flat()
  expect(rows).toHaveLength(PLANTS.length)
  expect(rows.join('\n')).not.toContain('not found')
  const table = readFileSync(page, 'utf8').split('\n')
  const missing = rows.filter((row) => !table.includes(row))
  expect(missing, 'npm run sim -- --plants writes the table anew').toEqual([])
})
