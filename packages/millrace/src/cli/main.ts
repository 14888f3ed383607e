#!/usr/bin/env node
import { runCli } from './program.ts'

// `millrace tasks | head` closes the pipe before everything is written: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

await runCli(process.argv.slice(2))
