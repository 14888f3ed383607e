// `npm run test:faults`: the scenarios of faults, whole, on the built packages. Arguments after `--` go to the rig.
import process from 'node:process'

import { launch, LaunchError, prepare, run, say } from './prepare.mjs'
import { ensureServices } from './services.mjs'

await launch(async () => {
  try {
    ensureServices(say)
  } catch (error) {
    throw new LaunchError(/** @type {Error} */ (error).message)
  }
  await prepare()
  return run('node', ['test/faults/main.ts', ...process.argv.slice(2)])
})
