/**
 * Transactions that enqueue, or complete a task, and commit or roll back at random, while their processes (and the
 * Postgres server) are killed with -9; then rows and tasks are compared.
 * After `npm run build`: `node bench/src/transaction-kills.ts [--engine postgres] [--transactions N] [--every MS]`. Exit
 * code 1 if rows and tasks disagree.
 */
import { parseArgs } from 'node:util'
import { prove } from './transactions/proof.ts'

const { values } = parseArgs({
  options: {
    engine: { type: 'string' },
    transactions: { type: 'string', default: '10000' },
    every: { type: 'string', default: '400' },
  },
})
const [transactions, everyMs] = [Number(values.transactions), Number(values.every)]
if (![transactions, everyMs].every((value) => Number.isInteger(value) && value > 0)) {
  throw new Error('--transactions and --every take a whole number.')
}
for (const engine of ['postgres', 'sqlite'] as const) {
  if (values.engine !== undefined && values.engine !== engine) continue
  const { problems, ...count } = await prove({ engine, transactions, everyMs })
  const { ended, kills, serverKills, orders, tasks, shipped } = count
  process.stdout.write(
    `${engine}: ${ended} transactions of producers, ${kills} processes and ${serverKills} times the server killed: ` +
      `${orders} rows, ${tasks} tasks, ${shipped} effects of handlers; ${problems.length} disagree\n`,
  )
  for (const problem of problems.slice(0, 20)) process.stdout.write(`  ${problem}\n`)
  if (problems.length > 0) process.exitCode = 1
}
