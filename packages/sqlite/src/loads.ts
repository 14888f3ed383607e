/** How many live tasks queues and partitions have, and their bytes: counted while an operation goes on, and written down at its end. */
import { LOAD_PARTITION, LOAD_QUEUE } from './statements/budgets.ts'
import type { Load, Pass } from './home.ts'

export interface LoadChange extends Readonly<Load> {
  readonly queue: number
  /** The key of the lane; 0: none. */
  readonly lane: number
}

export function addToLoads({ lanes, loads }: Pass, { queue, lane, tasks, bytes }: LoadChange): void {
  grow(loads.queues, queue, { tasks, bytes })
  if (lane === 0) return
  const { partition } = lanes.of(lane)
  if (partition !== 0) grow(loads.partitions, partition, { tasks, bytes })
}

function grow(loads: Map<number, Load>, key: number, { tasks, bytes }: Readonly<Load>): void {
  const load = loads.get(key)
  if (load === undefined) {
    loads.set(key, { tasks, bytes })
    return
  }
  load.tasks += tasks
  load.bytes += bytes
}

/** Writes down how the loads have changed: once per operation. */
export function flushLoads({ database, loads }: Pass): void {
  write(LOAD_QUEUE, loads.queues)
  write(LOAD_PARTITION, loads.partitions)

  function write(statement: string, changed: Map<number, Load>): void {
    for (const [key, { tasks, bytes }] of changed)
      if (tasks !== 0 || bytes !== 0) database.run(statement, tasks, bytes, key)
    changed.clear()
  }
}
