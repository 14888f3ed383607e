// `npm run sim`: core on virtual time, seed after seed, over the sources. Arguments after `--` go to scripts/simulate.ts.
import process from 'node:process'

import { install, launch, run } from './prepare.mjs'

await launch(async () => {
  await install()
  // most of what a seed makes is gone at its end: a larger young generation keeps it from growing old
  const flags = ['-C', '@millrace/source', '--max-semi-space-size=64']
  return run('node', [...flags, 'scripts/simulate.ts', ...process.argv.slice(2)])
})
