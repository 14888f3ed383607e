#!/usr/bin/env node
import { endUnheard, said } from './unheard.ts'
import { runCli } from './program.ts'

endUnheard()
await runCli(process.argv.slice(2))
await said()
// Whatever a module of handlers has left open (a pool of connections, a handler that ignores its signal) does not hold the
// process: what a worker has given back may run elsewhere by now, and must not go on here.
process.exit()
