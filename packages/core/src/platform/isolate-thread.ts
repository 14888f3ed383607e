/** What runs in a thread that is an isolate. */
import { parentPort, workerData } from 'node:worker_threads'
import { Inside } from '../worker/isolates/inside.ts'
import { heapShare, importing, leave } from './isolate-self.ts'
import type { ToIsolate } from '../worker/isolates/wire.ts'
import type { ThreadData } from './thread.ts'

const { lost } = workerData as ThreadData

const inside = new Inside({
  post: (message) => parentPort!.postMessage(message),
  isLost: (run) => Atomics.load(lost, 0) >= run,
  load: importing,
  heapShare,
  leave,
})
parentPort!.on('message', (message: ToIsolate) => inside.hear(message))
