/** A worker with a batch handler, on virtual time. */
import {
  defineTask,
  unchecked,
  type BatchContext,
  type BatchFunction,
  type BatchOptions,
  type Draft,
  type Mill,
  type TaskDefinition,
  type Worker,
} from '../../src/index.ts'
import { World, type Line } from './world.ts'

type Embed = TaskDefinition<'embed', { input: number; received: number; returned: number; result: number }>

export const embed: Embed = defineTask('embed', { input: unchecked<number>(), output: unchecked<number>() })
export const many = (n: number, options: object = {}): Draft<Embed>[] =>
  Array.from({ length: n }, (_, i) => embed.with(i, options))

interface Call {
  readonly items: readonly number[]
  readonly atMs: number
}

export interface Batching {
  readonly world: World
  readonly line: Line
  readonly mill: Mill
  readonly worker: Worker
  /** What the handler was called with. */
  readonly calls: readonly Call[]
}

export type Run = (
  items: readonly number[],
  ctx: BatchContext,
  world: World,
) => ReturnType<BatchFunction<Embed['~task']>>

/** A worker with a batch handler, and the calls that it got. */
export async function batching(
  options: BatchOptions<number>,
  { concurrency = 10, run }: { concurrency?: number; run?: Run } = {},
): Promise<Batching> {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const calls: Call[] = []
  const worker = mill.worker({
    concurrency,
    handlers: embed.batch(options, (items, ctx) => {
      calls.push({ items, atMs: world.time.nowMs })
      return run === undefined ? items.map((n) => n * 2) : run(items, ctx, world)
    }),
  })
  await world.settle(worker.start())
  return { world, line, mill, worker, calls }
}
