/** What runs in a child process that is an isolate. It ends with its parent, and only its parent is asked to stop. */
import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { USE_PIPE } from './child-process.ts'
import { Inside } from '../worker/isolates/inside.ts'
import { heapShare, importing, leave } from './isolate-self.ts'
import type { FromIsolate, ToIsolate } from '../worker/isolates/wire.ts'

/**
 * A thread that looks after the process while its main thread is busy: it tells the parent what memory and how much of
 * the processor's time the process takes, and ends it when the parent is gone. It sleeps for a second at a time while
 * there is nothing to do.
 */
const WATCH = `
const { workerData: { busy, parent, pipe } } = require('node:worker_threads')
const { writeSync } = require('node:fs')
let told = 0
let toldAtMs = 0
for (;;) {
  const bytes = process.memoryUsage.rss()
  const nowMs = performance.now()
  if (Math.abs(bytes - told) > told * 0.02 || Atomics.load(busy, 0) === 1 && nowMs - toldAtMs > 500) {
    told = bytes
    toldAtMs = nowMs
    const { user, system } = process.cpuUsage()
    try { writeSync(pipe, bytes + ' ' + (user + system) / 1000 + '\\n') } catch {} // the pipe is full, or nobody reads it
  }
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  if (Atomics.load(busy, 0) === 0) Atomics.wait(busy, 0, 0, 1000)
  else Atomics.wait(busy, 0, 1, 50)
}`

/** What the watch is too late to see: a process that ends as soon as it has begun. */
function tellPeak(): void {
  try {
    writeSync(USE_PIPE, `${process.resourceUsage().maxRSS * 1_024}\n`)
  } catch {
    return // nobody reads it
  }
}
tellPeak()
process.on('exit', tellPeak)

const busy = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
const watch = new Worker(WATCH, {
  eval: true,
  name: 'millrace-watch',
  workerData: { busy, parent: process.ppid, pipe: USE_PIPE },
  execArgv: [],
  env: {},
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
})
watch.unref()

function attend(state: 0 | 1): void {
  Atomics.store(busy, 0, state)
  Atomics.notify(busy, 0)
}

const inside = new Inside({
  post: (message: FromIsolate) => {
    if (message.kind === 'ended') attend(0)
    // that it cannot be sent is that the parent is gone
    if (process.connected) process.send!(message, undefined, undefined, () => undefined)
  },
  isLost: () => false, // the last message heard says so, and nothing else
  load: importing,
  heapShare,
  leave,
})
process.on('message', (message: ToIsolate) => {
  if (message.kind === 'run') attend(1)
  inside.hear(message)
})
process.on('disconnect', leave)
// Ctrl-C reaches the whole group of processes; what becomes of a run is the worker's to say
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
