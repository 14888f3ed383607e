// `npm run api`: writes the public API reports in docs/api anew.
import { launch, prepare, run } from './prepare.mjs'

await launch(async () => {
  await prepare()
  return run('node', ['scripts/api-report.ts', '--write'])
})
