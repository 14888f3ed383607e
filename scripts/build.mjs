// `npm run build`: tsc -b over the packages.
import { launch, prepare } from './prepare.mjs'

await launch(async () => {
  await prepare()
  return 0
})
