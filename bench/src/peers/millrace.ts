/** Millrace itself, by its public surface and with everything on that is on by default. */
import type { Item } from '../item.ts'
import type { Counts, Opened, Side, WorkOptions, Working } from '../side.ts'
import type { Mill } from 'millrace'
import type { benchTask } from './mill.ts'

export const millraceSide: Side = {
  name: 'millrace',
  durability: {
    sqlite: 'every acknowledged task is synced to disk (WAL, synchronous=FULL): the default',
    memory: 'nothing',
    postgres: 'every acknowledged task is synced to disk (synchronous_commit is on)',
    redis: 'what Redis has synced: its append-only file, once a second',
  },
  configuration:
    'all defaults; a zod schema validates each input when it is enqueued and before it is handled',
  documentation: 'https://www.npmjs.com/package/millrace',
  async open(url) {
    const { benchTask, millAt } = await import('./mill.ts')
    const mill = millAt(url)
    await mill.open()
    return new OpenedMill(mill, benchTask)
  },
}

class OpenedMill implements Opened {
  readonly #mill: Mill
  readonly #task: typeof benchTask

  constructor(mill: Mill, task: typeof benchTask) {
    this.#mill = mill
    this.#task = task
  }

  enqueue(item: Item): Promise<unknown> {
    return this.#mill.enqueue(this.#task, item)
  }

  async enqueueMany(items: readonly Item[]): Promise<void> {
    const answers = await this.#mill.enqueueMany(items.map((item) => this.#task.with(item)))
    for (const answer of answers) if (answer.outcome === 'rejected') throw answer.error
  }

  readonly enqueueAll = (items: readonly Item[]): Promise<unknown> =>
    this.#mill.enqueueMany(
      items.map((item) => this.#task.with(item)),
      { atomic: true },
    )

  async work(handle: (item: Item) => void, { concurrency, queues }: WorkOptions): Promise<Working> {
    const handlers = this.#task.handler((item) => handle(item))
    const worker = this.#mill.worker({ handlers, concurrency, queues })
    await worker.start()
    return { stop: () => worker.stop() }
  }

  async counts(): Promise<Counts> {
    const [queue] = await this.#mill.queues.list()
    if (queue === undefined) return { waiting: 0, left: 0, succeeded: 0 }
    const { succeeded, ...others } = queue.counts
    const left = Object.values(others).reduce((sum, count) => sum + count, 0)
    return { waiting: others.ready, left, succeeded }
  }

  close(): Promise<void> {
    return this.#mill.close()
  }
}
