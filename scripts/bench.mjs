// `npm run bench`: the benchmarks, on the built packages. Arguments after `--` go to the harness.
import process from 'node:process'

import { launch, prepare, run } from './prepare.mjs'

await launch(async () => {
  await prepare()
  const quiet = '--disable-warning=ExperimentalWarning'
  return run('node', [quiet, 'bench/src/main.ts', ...process.argv.slice(2)])
})
