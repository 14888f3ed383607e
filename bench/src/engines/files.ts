/** Engines without a server: a file in a folder of its own, or nothing at all. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Plot, Site } from './site.ts'

export function fileSite(engine: 'sqlite' | 'memory'): Site {
  return {
    about: engine === 'sqlite' ? 'a new file for each trial' : 'memory of the process',
    pid: null,
    plot: () => Promise.resolve(plot(engine)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

function plot(engine: 'sqlite' | 'memory'): Plot {
  if (engine === 'memory') return { url: 'memory:', [Symbol.asyncDispose]: () => Promise.resolve() }
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  return {
    url: `sqlite:${join(folder, 'bench.db')}`,
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  }
}
