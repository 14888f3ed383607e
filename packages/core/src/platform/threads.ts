/** The door to threads: starting one, talking to it, and a clock that all of them share. */
import {
  MessageChannel,
  receiveMessageOnPort,
  Worker,
  workerData,
  type MessagePort,
} from 'node:worker_threads'
import { handedOn } from './node-options.ts'
import { SystemTimer } from './timer.ts'
import type { Platform } from './platform.ts'

/** One end of a line between two threads. */
export type Port = MessagePort

export type Clocks = Pick<Platform, 'wallMs' | 'monotonicMs' | 'setTimer'>

/** A thread that was started. */
export interface Thread {
  /** Ends it, wherever it is. */
  end(): Promise<void>
}

export interface ThreadOptions {
  /** Shown in debuggers, and as the name of the system's thread. */
  readonly name: string
  /** What it finds as `threadStart`. */
  readonly data: unknown
  /** Its end of a channel. */
  readonly port: Port
  /** Nobody caught an error in it: it ends. */
  failed(error: unknown): void
  ended(): void
}

/** The two ends of a line between threads. */
export function newChannel(): { readonly near: Port; readonly far: Port } {
  const { port1: near, port2: far } = new MessageChannel()
  return { near, far }
}

/** Starts a thread on a module. It does not hold the process. */
export function startThread(module: URL, { name, data, port, ...tell }: ThreadOptions): Thread {
  const worker = new Worker(module, {
    name,
    workerData: { data, port },
    transferList: [port],
    execArgv: handedOn(process.execArgv),
    // it does little, and what it could drop it would keep otherwise
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  })
  worker.once('error', (error) => tell.failed(error))
  worker.once('exit', () => tell.ended())
  worker.unref()
  return { end: async () => void (await worker.terminate()) }
}

/** In a thread: what it was started with. */
export function threadStart(): { readonly data: unknown; readonly port: Port } {
  return workerData as { readonly data: unknown; readonly port: Port }
}

/** What has arrived on a port and was not heard yet, without giving up the thread; `undefined`: nothing. */
export function received(port: Port): unknown {
  return (receiveMessageOnPort(port) as { readonly message: unknown } | undefined)?.message
}

/** A clock of the process, in milliseconds: the same in all its threads, which begin to count `monotonicMs` each at its own start. */
function processMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** How far the clock of the process is ahead of this thread's `monotonicMs`, in milliseconds. */
export function clockOrigin(): number {
  return processMs() - performance.now()
}

/**
 * The clocks of the system, with the monotonic one of the thread that has this origin. The whole platform is more than a
 * thread needs that only beats: randomness alone takes 10 ms to load.
 */
export function clocksOf(originMs: () => number): Clocks {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => processMs() - originMs(),
    setTimer: (delayMs, run, hold) => new SystemTimer(delayMs, run, hold),
  }
}

/** What a module exports under a name. */
export async function imported(module: string, name: string): Promise<unknown> {
  return ((await import(module)) as Readonly<Record<string, unknown>>)[name]
}
