#!/usr/bin/env node
import { EXIT } from './exits.ts'
import { whyTooOld } from './node-version.ts'
import { supervisionOf } from './supervision/command-line.ts'
import { endUnheard, said } from './unheard.ts'

endUnheard()
// before anything is loaded that an older one cannot read
const tooOld = whyTooOld(process.versions.node)
if (tooOld !== undefined) {
  process.stderr.write(`${tooOld}\n`)
  process.exit(EXIT.failed)
}
const args = process.argv.slice(2)
const supervision = supervisionOf(args)
// Each loads only what it needs: who supervises is there all the time, and does next to nothing.
if (supervision === undefined) {
  const { runCli } = await import('./program.ts')
  await runCli(args)
} else {
  const { supervise } = await import('./supervision/supervise.ts')
  process.exitCode = await supervise(supervision)
}
await said()
// Whatever a module of handlers has left open (a pool of connections, a handler that ignores its signal) does not hold the
// process: what a worker has given back may run elsewhere by now, and must not go on here.
process.exit()
