/** What a load asks of an engine's client, ours or a peer's. */
import { beeQueueSide } from './peers/bee-queue.ts'
import { bullmqPostgresSide, bullmqSide } from './peers/bullmq.ts'
import { graphileWorkerSide } from './peers/graphile-worker.ts'
import { millraceSide } from './peers/millrace.ts'
import { millraceServerSide } from './peers/millrace-server.ts'
import { pgBossSide } from './peers/pg-boss.ts'
import { plainjobFullSide, plainjobSide } from './peers/plainjob.ts'
import type { Engine } from './engine.ts'
import type { Item } from './item.ts'

/** A side loads its packages when it is opened: whoever measures an idle worker must not find the others in it. */
export interface Side {
  readonly name: string
  /** What an acknowledged task survives, and by which setting, on each engine that it runs on. */
  readonly durability: Readonly<Partial<Record<Engine, string>>>
  /** How it is set up. */
  readonly configuration: string
  /** Where its own documentation says so. */
  readonly documentation: string
  /** @param url as Millrace's own: `sqlite:PATH`, `memory:`, `postgres://…`, `redis://…` */
  open(url: string, aim?: Aim): Promise<Opened>
  /** Starts what stands between the processes of a trial and the engine, once the store is prepared. */
  front?(url: string): Promise<Front>
}

/** What `open` is given in the place of the engine's URL. */
export interface Front extends AsyncDisposable {
  readonly url: string
  readonly pid: number | null
}

/** For a side that has to choose. Default: throughput. */
export type Aim = 'throughput' | 'latency'

export interface Opened {
  /** Resolves when the task is written. */
  enqueue(item: Item): Promise<unknown>
  /** Many in one call, as the engine does it unless told otherwise. */
  enqueueMany(items: readonly Item[]): Promise<unknown>
  /** The same, all or nothing; absent where there is no such thing. */
  readonly enqueueAll?: (items: readonly Item[]) => Promise<unknown>
  /** Starts a worker whose handler does nothing but this. */
  work(handle: (item: Item) => void, options: WorkOptions): Promise<Working>
  counts(): Promise<Counts>
  close(): Promise<void>
}

export interface WorkOptions {
  readonly concurrency: number
  /** Default: the one that tasks are enqueued into. */
  readonly queues?: readonly string[]
}

export interface Working {
  /** Resolves when everything that was handled is also written. */
  stop(): Promise<void>
}

export interface Counts {
  readonly waiting: number
  /** What has not ended well yet: waiting, running, failed. */
  readonly left: number
  /** `null`: it keeps nothing of what has ended. */
  readonly succeeded: number | null
}

export const OURS = 'millrace'
/** The same with a server of its own between clients and store. */
export const THROUGH_SERVER = 'millrace-server'

export const SIDES: readonly Side[] = [
  millraceSide,
  millraceServerSide,
  plainjobSide,
  plainjobFullSide,
  bullmqSide,
  beeQueueSide,
  graphileWorkerSide,
  pgBossSide,
  bullmqPostgresSide,
]

/** @throws Error if there is none of that name */
export function sideNamed(name: string): Side {
  const side = SIDES.find((one) => one.name === name)
  if (side !== undefined) return side
  throw new Error(`No side is called ${name}: there are ${SIDES.map((one) => one.name).join(', ')}.`)
}
