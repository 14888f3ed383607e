/**
 * Once before the tests: builds what the processes and threads that they start run, and makes a folder for what they
 * share, which is gone after them. What V8 compiled is in it, too: thousands of threads and processes load the same
 * modules, and that takes a seventh of the processor's time otherwise.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { buildSync } from 'esbuild'

export function setup(): () => void {
  execFileSync('tsc', ['-b', 'tsconfig.build.json'], { stdio: 'inherit' })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-run-'))
  // servers that do not run as root pass through it
  chmodSync(folder, 0o711)
  process.env['MILLRACE_TEST_RUN'] = folder
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled')
  bundleThread(join(folder, 'sqlite-thread.mjs'))
  return () => rmSync(folder, { recursive: true, force: true })
}

/** Each case of a suite opens a file, and so a thread: to load a hundred modules takes it longer than all else that it does. */
function bundleThread(outfile: string): void {
  const entryPoints = ['packages/sqlite/dist/sqlite-thread.js']
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm' })
}
