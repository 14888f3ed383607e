/** Which tasks a worker asks for together. */
import { Appetite } from './appetite.ts'
import { BatchAppetite } from './batch-appetite.ts'
import { isBatchHandler } from './gatherer.ts'
import type { Taste } from './exchanger.ts'
import type { Executor } from './executor.ts'
import type { ResolvedWorkerOptions } from './options.ts'

/** Batch handlers ask for themselves: what they take at once would otherwise be filled with what takes a slot each. */
export function tastesOf(options: ResolvedWorkerOptions, executor: Executor): readonly Taste[] {
  const handlers = [...options.handlers.values()]
  const batches = handlers.filter(isBatchHandler)
  const { gatherer } = executor
  if (gatherer === undefined) return [new Appetite(options, executor)]
  const tastes = batches.map((handler) => new BatchAppetite(options, { handler, executor, gatherer }))
  return batches.length === handlers.length ? tastes : [new Appetite(options, executor), ...tastes]
}
