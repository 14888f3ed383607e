/**
 * Kills `millrace serve` with -9 every 3 to 5 s under 500 enqueues a second, by gRPC and REST, while a worker runs the
 * tasks through it: nothing is lost, nothing is there twice, and no caller is told of it within its deadline of 15 s.
 * After `npm run build`: `node bench/src/front-kills.ts [sqlite postgres] [--kills N] [--rate N]`. Exit code 1 if not so.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../../test/servers/postgres.ts'
import { proveFront } from './fronts/proof.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '30' }, rate: { type: 'string', default: '500' } },
})
const [kills, perSecond] = [Number(values.kills), Number(values.rate)]
let bad = 0
for (const engine of positionals.length === 0 ? ['sqlite', 'postgres'] : positionals) {
  const { problems, errors, answered, ...rest } = await onStore(engine, (store) =>
    proveFront({ store, kills, perSecond, everyMs: [3_000, 5_000] }),
  )
  const { tasks, runs, slowestMs } = rest
  process.stdout.write(
    `${engine}: ${kills} kills, ${answered.grpc} enqueues answered by gRPC and ${answered.rest} by REST, ${tasks} tasks, ${runs} runs; the slowest answer took ${slowestMs} ms; ${errors.length} errors, ${problems.length} problems\n`,
  )
  for (const line of [...errors, ...problems].slice(0, 10)) process.stdout.write(`  ${line}\n`)
  if (errors.length + problems.length > 0) bad += 1
}
process.exitCode = bad === 0 ? 0 : 1

async function onStore<T>(engine: string, run: (store: string) => Promise<T>): Promise<T> {
  if (engine === 'postgres') {
    await using server = await startPostgres()
    return await run(server.url)
  }
  if (engine !== 'sqlite') throw new Error(`There is no engine ${engine}: sqlite, postgres.`)
  const folder = mkdtempSync(join(tmpdir(), 'millrace-fronts-'))
  try {
    return await run(`sqlite:${join(folder, 'front.db')}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
