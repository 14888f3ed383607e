/** Runs promtool. */
import { spawnSync } from 'node:child_process'
import { programOf, services } from '../scripts/services.mjs'

/** What it said, and how it ended. */
export interface Said {
  readonly code: number | null
  readonly text: string
}

/** @throws Error if there is none: nothing is left out in silence */
export function promtool(args: readonly string[], input = ''): Said {
  const program = process.env[services.promtool.variable] ?? programOf(services.promtool)
  if (program === undefined) throw new Error('There is no promtool on the PATH: run npm test.')
  const { status, stdout, stderr, error } = spawnSync(program, args, { input, encoding: 'utf8' })
  if (error !== undefined) throw error
  return { code: status, text: stdout + stderr }
}
