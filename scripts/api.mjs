// `npm run api`: writes the public API reports in docs/api and the reference in docs/reference anew.
import { launch, prepare, run } from './prepare.mjs'

await launch(async () => {
  await prepare()
  const reported = await run('node', ['scripts/api-report.ts', '--write'])
  return (await run('node', ['scripts/reference.ts', '--write'])) || reported
})
