/** What an isolate lives in: a thread or a child process, from outside. */
import { processEntry, startProcess } from './child-process.ts'
import { startThread, threadEntry } from './thread.ts'

/** What is to be started, and within which limits. */
export interface VesselPlan {
  readonly kind: 'thread' | 'process'
  /** Most that its objects may take, in MiB; `null`: what Node gives it. */
  readonly heapMb: number | null
  /** Most that a process may take as a whole, in MiB; `null`: whatever it takes. */
  readonly memoryMb: number | null
  /** Names of the environment variables that a process sees; `null`: all that there are. Threads see all. */
  readonly env: readonly string[] | null
  /** Called with each message from inside. */
  hear(message: unknown): void
}

export interface Vessel {
  /** Sends a message; to one that is gone it is lost. */
  post(message: unknown): void
  /** That a run is lost is seen inside at once, by a thread even in the middle of a loop. */
  lose(run: number): void
  /** Ends it, whatever it is doing. */
  kill(): void
  /** Resolves when it is gone, whoever ended it. */
  readonly gone: Promise<Ending>
}

/** How it ended, as far as one knows. */
export interface Ending {
  /** `memory`: it had taken what it may take. */
  readonly why: 'exit' | 'signal' | 'memory' | 'error'
  readonly exitCode: number | null
  readonly signal: string | null
  /** What nobody caught inside. */
  readonly error: Error | null
  /** The most memory that it was seen to take, in MiB. */
  readonly peakMb: number | null
}

/** @throws InvalidArgumentError if the module that it starts with was left out of a bundle */
export function checkEntry(kind: VesselPlan['kind']): void {
  if (kind === 'thread') threadEntry()
  else processEntry()
}

/** Starts one. That it could not be started is an ending like any other. */
export function launch(plan: VesselPlan): Vessel {
  return plan.kind === 'thread' ? startThread(plan) : startProcess(plan)
}
