/**
 * plainjob 0.0.14 on better-sqlite3, set up as its own benchmark does for throughput:
 * https://github.com/justplainstuff/plainjob#creating-a-queue
 * https://github.com/justplainstuff/plainjob/blob/main/bench/worker-better.ts
 *
 * Its queue sets WAL and synchronous=NORMAL by itself: an acknowledged job survives the death of the process,
 * but not that of the machine, and no commit waits for the disk. `plainjob-full` is the same with
 * synchronous=FULL, as durable as ours. Its worker runs one job at a time; there is no setting for more.
 */
import type * as Plainjob from 'plainjob'
import { pathOf } from '../engine.ts'
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
  durability: {
    sqlite:
      'survives the process, not the machine: no sync per commit (WAL, synchronous=NORMAL), its default',
  },
  configuration,
  documentation,
  open: (url) => openQueue(url, 'NORMAL'),
}

export const plainjobFullSide: Side = {
  name: 'plainjob-full',
  durability: {
    sqlite: 'every acknowledged task is synced to disk (WAL, synchronous=FULL), which is not its default',
  },
  configuration: `${configuration}; synchronous=FULL`,
  documentation,
  open: (url) => openQueue(url, 'FULL'),
}

/** Opening switches the journal, which fails at once while another process does the same: then it is tried again. */
async function openQueue(url: string, synchronous: 'NORMAL' | 'FULL'): Promise<Opened> {
  const { default: Database } = await import('better-sqlite3')
  const plainjob = await import('plainjob')
  for (let tries = 1; ; tries++) {
    const database = new Database(pathOf(url))
    try {
      const queue = plainjob.defineQueue({ connection: plainjob.better(database), logger: quiet })
      // the queue sets its own when it is made
      database.pragma(`synchronous = ${synchronous}`)
      return new OpenedQueue(queue, plainjob)
    } catch (error) {
      database.close()
      if (tries === OPEN_TRIES_MAX) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const OPEN_TRIES_MAX = 100

class OpenedQueue implements Opened {
  readonly #queue: Plainjob.Queue
  readonly #plainjob: typeof Plainjob

  constructor(queue: Plainjob.Queue, plainjob: typeof Plainjob) {
    this.#queue = queue
    this.#plainjob = plainjob
  }

  async enqueue(item: Item): Promise<unknown> {
    return this.#queue.add(TYPE, item)
  }

  async enqueueMany(items: readonly Item[]): Promise<unknown> {
    return this.#queue.addMany(TYPE, [...items])
  }

  /** Its bulks are all or nothing in any case. */
  readonly enqueueAll = (items: readonly Item[]): Promise<unknown> => this.enqueueMany(items)

  async work(handle: (item: Item) => void): Promise<Working> {
    const process = ({ data }: { readonly data: string }): void => handle(JSON.parse(data) as Item)
    const worker = this.#plainjob.defineWorker(TYPE, process, {
      queue: this.#queue,
      logger: quiet,
      pollIntervall: POLL_MS,
    })
    const running = worker.start()
    return {
      stop: async () => {
        await worker.stop()
        await running
      },
    }
  }

  async counts(): Promise<Counts> {
    const { JobStatus } = this.#plainjob
    const count = (status: number): number => this.#queue.countJobs({ type: TYPE, status })
    const waiting = count(JobStatus.Pending)
    const left = waiting + count(JobStatus.Processing) + count(JobStatus.Failed)
    return { waiting, left, succeeded: count(JobStatus.Done) }
  }

  async close(): Promise<void> {
    this.#queue.close()
  }
}
