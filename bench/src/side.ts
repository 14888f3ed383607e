/** What a load asks of an engine's client, ours or a peer's. */
import { millraceSide } from './peers/millrace.ts'
import { plainjobFullSide, plainjobSide } from './peers/plainjob.ts'
import type { Item } from './item.ts'

export const ENGINES = ['sqlite', 'memory'] as const
export type Engine = (typeof ENGINES)[number]

export interface Side {
  readonly name: string
  /** What an acknowledged task survives, and by which setting. */
  readonly durability: string
  /** How it is set up. */
  readonly configuration: string
  /** Where its own documentation says so. */
  readonly documentation: string
  open(file: string, engine: Engine): Promise<Opened>
}

export interface Opened {
  /** Resolves when the task is written. */
  enqueue(item: Item): Promise<unknown>
  /** Many in one call, as the engine does it unless told otherwise. */
  enqueueMany(items: readonly Item[]): Promise<unknown>
  /** The same, all or nothing. */
  enqueueAll(items: readonly Item[]): Promise<unknown>
  /** Starts a worker whose handler does nothing but this. */
  work(handle: (item: Item) => void, concurrency: number): Promise<Working>
  counts(): Promise<Counts>
  close(): Promise<void>
}

export interface Working {
  /** Resolves when everything that was handled is also written. */
  stop(): Promise<void>
}

export interface Counts {
  readonly waiting: number
  readonly succeeded: number
}

export const OURS = 'millrace'

export const SIDES: readonly Side[] = [millraceSide, plainjobSide, plainjobFullSide]

/** @throws Error if there is none of that name */
export function sideNamed(name: string): Side {
  const side = SIDES.find((one) => one.name === name)
  if (side !== undefined) return side
  throw new Error(`No side is called ${name}: there are ${SIDES.map((one) => one.name).join(', ')}.`)
}
