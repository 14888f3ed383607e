/** Claims and settles until it is killed, or nothing is left to take; says which ends were answered. */
import process from 'node:process'
import { PostgresStore } from '@millrace/postgres'
import { demand, exchange, session, succeeded } from '../../../sqlite/test/specs.ts'
import type { Claim } from '@millrace/core/store'

const [, , url, schema, total] = process.argv
const store = new PostgresStore({ url: url!, schema })
await store.open()
const request = session()
await store.openSession(request)
process.stdout.write('ready\n')
let claims: readonly Claim[] = []
for (;;) {
  const before = claims
  const settlements = before.map(succeeded)
  const answer = await store.exchange(exchange(request.session, { settlements, demand: demand(20) }))
  claims = answer.claims
  for (const [index, { id }] of before.entries()) process.stdout.write(`${answer.verdicts[index]} ${id}\n`)
  const [queue] = claims.length === 0 ? await store.queues() : []
  if (queue !== undefined && queue.counts.succeeded >= Number(total)) break
}
await store.close()
