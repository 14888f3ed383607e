/** Turns, limits, breakers and budgets. `npm i millrace && node flow-control.ts` */
import { BackpressureError, connect, defineTask, RetryAfterError, unchecked } from 'millrace'

const mill = await connect()

/** Everybody gets a turn: Ada's two reports do not wait behind Bob's four. */
const report = defineTask('report', {
  input: unchecked<{ tenant: string; month: number }>(),
  queue: 'reports',
  partition: (input) => input.tenant,
})

/** One by one, in the order of their enqueue. */
const book = defineTask('book', {
  input: unchecked<{ account: string; amount: number }>(),
  partition: { key: (input) => input.account, fifo: true },
})

/** At most two at once for each account, and in all a hundred items a second. */
const charge = defineTask('charge', {
  input: unchecked<{ account: string; items: number }>(),
  limits: [
    { name: 'stripe', key: (input) => input.account, concurrency: 2 },
    { name: 'stripe-items', rate: { limit: 100, per: '1s', burst: 20 }, cost: (input) => input.items },
  ],
  breaker: { name: 'stripe', share: 0.5, of: 20, within: '1m', open: '30s', probes: 2 },
})

let [charging, most] = [0, 0]
let told = false
const reports: string[] = []
const balance: number[] = []

const worker = mill.worker({
  queues: { default: 10, reports: 1 },
  handlers: [
    report.handler(({ tenant }) => void reports.push(tenant)),
    book.handler(({ amount }) => void balance.push((balance.at(-1) ?? 0) + amount)),
    charge.handler(async () => {
      if (!told) {
        told = true
        throw new RetryAfterError('100ms', 'too many requests', { scope: { limit: 'stripe' } })
      }
      most = Math.max(most, (charging += 1))
      await new Promise((resolve) => setTimeout(resolve, 20))
      charging -= 1
    }),
  ],
})

for (const month of [1, 2, 3, 4]) await mill.enqueue(report, { tenant: 'Bob', month })
for (const month of [1, 2]) await mill.enqueue(report, { tenant: 'Ada', month })
for (const amount of [100, -30, 5]) await mill.enqueue(book, { account: 'Ada', amount })
for (let n = 0; n < 8; n++) await mill.enqueue(charge, { account: 'Ada', items: 1 })

await worker.run({ until: 'idle' })
console.log(`reports: ${reports.join(' ')}`)
console.log(`balances: ${balance.join(' ')}`)
console.log(`charged at once: ${most}`)

await mill.budgets.put({ partition: '*' }, { tasks: 1_000, quota: { tasks: 3, per: '1d' } })
try {
  for (const month of [1, 2, 3, 4]) await mill.enqueue(report, { tenant: 'Eve', month })
} catch (error) {
  if (error instanceof BackpressureError) console.log(error.message)
}
await mill.close()
