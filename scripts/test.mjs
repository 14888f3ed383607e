// `npm test`: all tests; the last line is `N passed, N failed`. Arguments after `--` go to vitest.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

import { launch, LaunchError, prepare, run, say } from './prepare.mjs'
import { scratchInMemory } from './scratch.mjs'
import { ensureServices } from './services.mjs'
import { countTests, summaryLines } from './test-summary.mjs'

let counts = countTests(undefined)

await launch(async () => {
  scratchInMemory(say)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const reportFile = join(folder, 'report.json')
  try {
    findServices() // first: whoever has to install something learns it at once
    await prepare()
    say('Running the tests with vitest.')
    const code = await run('vitest', ['run', ...reporters(reportFile), ...process.argv.slice(2)])
    counts = countTests(readReport(reportFile))
    if (code !== 0 && counts.failed === 0 && counts.passed > 0) {
      say('vitest reports an error outside of the tests (see above); it counts as one failure.')
      counts = { ...counts, failed: 1 }
    }
    return counts.failed === 0 && counts.passed > 0 ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

for (const line of summaryLines(counts)) say(line)

function findServices() {
  try {
    ensureServices(say)
  } catch (error) {
    throw new LaunchError(/** @type {Error} */ (error).message)
  }
}

function reporters(/** @type {string} */ reportFile) {
  return ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
}

/** @returns {import('./test-summary.mjs').Report | undefined} */
function readReport(/** @type {string} */ file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined // vitest found no test file, or died: then nothing passed
  }
}
