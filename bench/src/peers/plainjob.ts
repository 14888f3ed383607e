/**
 * plainjob 0.0.14 on better-sqlite3, set up as its own benchmark does for throughput:
 * https://github.com/justplainstuff/plainjob#creating-a-queue
 * https://github.com/justplainstuff/plainjob/blob/main/bench/worker-better.ts
 *
 * Its queue sets WAL and synchronous=NORMAL by itself: an acknowledged job survives the death of the process,
 * but not that of the machine, and no commit waits for the disk. `plainjob-full` is the same with
 * synchronous=FULL, as durable as ours. Its worker runs one job at a time; there is no setting for more.
 */
import Database from 'better-sqlite3'
import { better, defineQueue, defineWorker, JobStatus, type Queue } from 'plainjob'
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, Working } from '../side.ts'

const TYPE = 'bench'

/** By default it looks for jobs once a second; this is the shortest wait that a timer has. */
const POLL_MS = 1

/** As in its own benchmark: it formats a line per step for the console otherwise. */
const quiet = { error: console.error, warn: console.warn, info: () => {}, debug: () => {} }

const documentation = 'https://github.com/justplainstuff/plainjob'

const configuration =
  'better-sqlite3, no log lines, as in its own benchmark; looks for jobs every millisecond when there are none; one job at a time (it has no concurrency)'

export const plainjobSide: Side = {
  name: 'plainjob',
  durability:
    'survives the process, not the machine: no sync per commit (WAL, synchronous=NORMAL), its default',
  configuration,
  documentation,
  open: (file) => opened(file, 'NORMAL'),
}

export const plainjobFullSide: Side = {
  name: 'plainjob-full',
  durability: 'every acknowledged task is synced to disk (WAL, synchronous=FULL), which is not its default',
  configuration: `${configuration}; synchronous=FULL`,
  documentation,
  open: (file) => opened(file, 'FULL'),
}

/** Opening switches the journal, which fails at once while another process does the same: then it is tried again. */
async function opened(file: string, synchronous: 'NORMAL' | 'FULL'): Promise<OpenedQueue> {
  for (let tries = 1; ; tries++) {
    const database = new Database(file)
    try {
      const queue = new OpenedQueue(database)
      database.pragma(`synchronous = ${synchronous}`)
      return queue
    } catch (error) {
      database.close()
      if (tries === OPEN_TRIES_MAX) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const OPEN_TRIES_MAX = 100

class OpenedQueue implements Opened {
  readonly #queue: Queue

  constructor(database: Database.Database) {
    this.#queue = defineQueue({ connection: better(database), logger: quiet })
  }

  async enqueue(item: Item): Promise<unknown> {
    return this.#queue.add(TYPE, item)
  }

  async enqueueMany(items: readonly Item[]): Promise<unknown> {
    return this.#queue.addMany(TYPE, [...items])
  }

  /** Its bulks are all or nothing in any case. */
  enqueueAll(items: readonly Item[]): Promise<unknown> {
    return this.enqueueMany(items)
  }

  async work(handle: (item: Item) => void): Promise<Working> {
    const process = ({ data }: { readonly data: string }): void => handle(JSON.parse(data) as Item)
    const worker = defineWorker(TYPE, process, { queue: this.#queue, logger: quiet, pollIntervall: POLL_MS })
    const running = worker.start()
    return {
      stop: async () => {
        await worker.stop()
        await running
      },
    }
  }

  async counts(): Promise<Counts> {
    return {
      waiting: this.#queue.countJobs({ type: TYPE, status: JobStatus.Pending }),
      succeeded: this.#queue.countJobs({ type: TYPE, status: JobStatus.Done }),
    }
  }

  async close(): Promise<void> {
    this.#queue.close()
  }
}
