/** What CI plays: two thousand seeds in a process of their own, or as many as MILLRACE_SIM_SEEDS says. */
import { execFile } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../../..')
const seeds = Number(process.env['MILLRACE_SIM_SEEDS'] ?? 2_000)

test(
  `${seeds} seeds of chaos heal, and nothing is wrong with what happened`,
  { timeout: 600_000 },
  async () => {
    const jobs = Math.min(2, availableParallelism())
    const flags = ['-C', '@millrace/source', '--max-semi-space-size=64']
    const args = [...flags, 'scripts/simulate.ts', '--seeds', String(seeds), '--jobs', String(jobs)]
    // the sources, and as fast as by hand: without the hook that lets tests run what was built
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env, maxBuffer: 1e8 })
    const played = stdout.trim().split('\n')
    expect(played).toHaveLength(jobs)
    for (const line of played) expect(line).toMatch(/^seeds \d+ to \d+: 0 failed; \d+ tasks/)
  },
)
