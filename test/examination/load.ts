/** A store at work: producers, workers, retries, edges, keys, limits and series, while it looks itself over again and again. */
import { defineTask, Mill, systemPlatform, unchecked, type Examination, type Store } from '@millrace/core'
import { auditOf } from './plants.ts'
import type { StoreDefect } from '@millrace/core/store'

const work = defineTask('work', {
  input: unchecked<number>(),
  limits: [{ name: 'api', key: (n) => `k${n % 3}`, concurrency: 4 }],
  retry: { delays: ['5ms', '20ms'] },
  unique: { key: (n) => `u${n % 50}`, while: 'waiting' },
})
const inOrder = defineTask('inOrder', {
  input: unchecked<number>(),
  partition: { key: (n) => `p${n % 4}`, fifo: true },
})
const plain = defineTask('plain', { input: unchecked<number>(), partition: (n) => `p${n % 9}` })

const nothing = (): void => undefined
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing }

export interface Looks {
  readonly looks: number
  readonly tasks: number
  readonly found: readonly StoreDefect[]
  readonly examination: Examination
}

/** @param newStore a client of the home, not opened */
export async function looksUnderLoad(newStore: () => Store, looksMin: number): Promise<Looks> {
  await using mill = new Mill(newStore(), { logger: silent })
  await using other = new Mill(newStore(), { logger: silent })
  const looking = newStore()
  await looking.open()
  const failing = new Set<number>()
  const handlers = [
    work.handler(async (n) => {
      await new Promise((resolve) => setImmediate(resolve))
      if (n % 7 === 0 && !failing.has(n)) {
        failing.add(n)
        throw new Error('once')
      }
    }),
    inOrder.handler(() => undefined),
    plain.handler(() => undefined),
  ]
  const workers = [mill, other].map((one) => one.worker({ handlers, concurrency: 20 }))
  await Promise.all(workers.map((worker) => worker.start()))
  let tasks = 0
  let working = true
  const produce = async (one: Mill): Promise<void> => {
    while (working) {
      const n = (tasks += 4)
      const parent = await one.enqueue(plain, n)
      const [, , last] = await Promise.all([
        one.enqueue(work, n),
        one.enqueue(inOrder, n, { delay: n % 20 }),
        one.enqueue(plain, n, { after: [parent], priority: n % 8 === 0 ? 'high' : 'normal' }),
      ])
      // as fast as the workers, and no faster: what piles up would be most of what is looked at
      await last.result({ within: '30s' })
    }
  }
  const producers = Array.from({ length: 20 }, (_, n) => produce(n % 2 === 0 ? mill : other))
  const found: StoreDefect[] = []
  let looks = 0
  const end = systemPlatform.monotonicMs() + 3_000
  for (; looks < looksMin || systemPlatform.monotonicMs() < end; looks++) {
    found.push(...(await auditOf(looking, looks % 2 === 1, 1_000)))
  }
  const examination = await other.examine({ repair: true })
  working = false
  await Promise.all(producers)
  await Promise.all(workers.map((worker) => worker.stop()))
  found.push(...(await auditOf(looking, false, 1_000)))
  await looking.close()
  return { looks, tasks, found, examination }
}
