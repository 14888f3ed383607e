// `npm start`: the demo on a fresh clone. Arguments after `--` go to the demo.
import process from 'node:process'

import { launch, prepare, run } from './prepare.mjs'

await launch(async () => {
  await prepare()
  return run('node', ['packages/millrace/dist/cli/main.js', 'demo', ...process.argv.slice(2)])
})
