/**
 * How many live tasks queues and partitions have, and their bytes. While there are budgets that is counted as an
 * operation goes on, and written down at its end; while there are none, nobody pays for it, and who asks has all counted.
 */
import {
  EMPTY_PARTITIONS,
  EMPTY_QUEUES,
  LIVE_LOADS,
  LOAD_PARTITION,
  LOAD_QUEUE,
  LOADS_OF,
} from './statements/budgets.ts'
import type { Load, Loads, Pass } from './home.ts'

export interface LoadChange extends Readonly<Load> {
  readonly queue: number
  /** The key of the lane; 0: none. */
  readonly lane: number
}

type Row = readonly [queue: number, lane: number, tasks: number, bytes: number]

export function noLoads(): Loads {
  return { queues: new Map(), partitions: new Map() }
}

/** So many more live tasks, or fewer. */
export function addToLoads(pass: Pass, change: LoadChange): void {
  if (pass.budgets.any) add(pass, pass.loads, change)
}

function add({ lanes }: Pass, loads: Loads, { queue, lane, tasks, bytes }: LoadChange): void {
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

/** These tasks are about to end. @param seqs as JSON */
export function unload(pass: Pass, seqs: string): void {
  for (const [queue, lane, tasks, bytes] of pass.database.all<Row>(LOADS_OF, seqs))
    addToLoads(pass, { queue, lane, tasks: -tasks, bytes: -bytes })
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

/** Counts all that is live. */
export function loadsNow(pass: Pass): Loads {
  const loads = noLoads()
  for (const [queue, lane, tasks, bytes] of pass.database.all<Row>(LIVE_LOADS))
    add(pass, loads, { queue, lane, tasks, bytes })
  return loads
}

/** There is a first budget: from now on it is counted, beginning with what there is. */
export function beginLoads(pass: Pass): void {
  const { database, loads } = pass
  database.run(EMPTY_QUEUES)
  database.run(EMPTY_PARTITIONS)
  const { queues, partitions } = loadsNow(pass)
  for (const [key, load] of queues) loads.queues.set(key, load)
  for (const [key, load] of partitions) loads.partitions.set(key, load)
}
