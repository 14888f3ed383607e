/** Millrace itself, by its public surface and with everything on that is on by default. */
import { createMill } from 'millrace'
import { defineTask, MemoryStore, systemPlatform, type Mill, type Store } from '@millrace/core'
import { SqliteStore } from '@millrace/sqlite'
import { z } from 'zod'
import type { Item } from '../item.ts'
import type { Counts, Engine, Opened, Side, Working } from '../side.ts'

const input = z.object({
  n: z.int(),
  at: z.number(),
  customer: z.uuid(),
  email: z.email(),
  path: z.string(),
  tags: z.array(z.string()),
})

export const benchTask = defineTask('bench', { input })

export const millraceSide: Side = {
  name: 'millrace',
  durability: 'every acknowledged task is synced to disk (WAL, synchronous=FULL): the default',
  configuration:
    'all defaults; a zod schema validates each input when it is enqueued and before it is handled',
  documentation: 'https://www.npmjs.com/package/millrace',
  async open(file, engine) {
    const mill = millAt(file, engine)
    await mill.open()
    return new OpenedMill(mill)
  },
}

/** A client of an engine. A store in memory has no file. */
export function millAt(file: string, engine: Engine): Mill {
  return createMill(engine === 'memory' ? 'memory:' : `sqlite:${file}`)
}

/** A store without a client. */
export function storeAt(file: string, engine: Engine): Store {
  return engine === 'memory' ? new MemoryStore({ platform: systemPlatform }) : new SqliteStore({ path: file })
}

class OpenedMill implements Opened {
  readonly #mill: Mill

  constructor(mill: Mill) {
    this.#mill = mill
  }

  enqueue(item: Item): Promise<unknown> {
    return this.#mill.enqueue(benchTask, item)
  }

  async enqueueMany(items: readonly Item[]): Promise<void> {
    const answers = await this.#mill.enqueueMany(items.map((item) => benchTask.with(item)))
    for (const answer of answers) if (answer.outcome === 'rejected') throw answer.error
  }

  async enqueueAll(items: readonly Item[]): Promise<void> {
    await this.#mill.enqueueMany(
      items.map((item) => benchTask.with(item)),
      { atomic: true },
    )
  }

  async work(handle: (item: Item) => void, concurrency: number): Promise<Working> {
    const worker = this.#mill.worker({ handlers: benchTask.handler((item) => handle(item)), concurrency })
    await worker.start()
    return { stop: () => worker.stop() }
  }

  async counts(): Promise<Counts> {
    const queues = await this.#mill.queues.list()
    const counts = queues[0]?.counts
    return { waiting: counts?.ready ?? 0, succeeded: counts?.succeeded ?? 0 }
  }

  close(): Promise<void> {
    return this.#mill.close()
  }
}
