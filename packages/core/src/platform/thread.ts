/** A thread as the vessel of an isolate. */
import { Worker } from 'node:worker_threads'
import { besideModule } from './beside.ts'
import type { Ending, Vessel, VesselPlan } from './vessel.ts'

/** What the thread is told at its start. */
export interface ThreadData {
  /** One number: the newest run that is lost. */
  readonly lost: Int32Array<SharedArrayBuffer>
}

const OUT_OF_MEMORY = 'ERR_WORKER_OUT_OF_MEMORY'

/** @throws InvalidArgumentError if it was left out of a bundle */
export function threadEntry(): URL {
  return besideModule(import.meta.url, 'isolate-thread')
}

export function startThread(plan: VesselPlan): Vessel {
  const { heapMb } = plan
  const data: ThreadData = { lost: new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) }
  const thread = new Worker(threadEntry(), {
    workerData: data,
    name: 'millrace-isolate',
    ...(heapMb === null ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
  })
  thread.unref()
  thread.on('message', (message) => plan.hear(message))
  let thrown: (Error & { readonly code?: unknown }) | null = null
  thread.on('error', (error: Error) => (thrown ??= error))
  const gone = new Promise<Ending>((resolve) => {
    thread.once('exit', (exitCode) => {
      const memory = thrown?.code === OUT_OF_MEMORY
      resolve({
        why: memory ? 'memory' : thrown === null ? 'exit' : 'error',
        exitCode: memory ? null : exitCode,
        signal: null,
        error: memory ? null : thrown,
        peakMb: memory ? heapMb : null,
      })
    })
  })
  return {
    post: (message) => thread.postMessage(message),
    lose: (run) => void Atomics.store(data.lost, 0, run),
    kill: () => void thread.terminate(),
    gone,
  }
}
