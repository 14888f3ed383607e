/**
 * 64 producers and four workers on few unique keys, their processes killed with -9 at random: no key is ever held by
 * two at once, by the journal of what they were told and what the store says. After `npm run build`:
 * `node bench/src/crowd-kills.ts [sqlite postgres redis] [--kills N] [--every MS] [--seed N]`. Exit code 1 if one is.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { gather } from './crowd/crowd.ts'
import { ENGINES, type Engine } from './crowd/stage.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '60' },
    every: { type: 'string', default: '500' },
    seed: { type: 'string' },
  },
})
const [kills, everyMs, seed] = [values.kills, values.every, values.seed ?? randomInt(2 ** 31)].map(Number)
if (![kills, everyMs, seed].every(Number.isInteger))
  throw new Error('--kills, --every and --seed take a whole number.')

for (const engine of positionals.length === 0 ? ENGINES : positionals.map(engineNamed)) {
  const { answers, tasks, held, problems } = await gather({
    engine,
    kills: kills!,
    everyMs: everyMs!,
    seed: seed!,
  })
  say(`${engine}, seed ${seed}: ${kills} kills, ${tasks} tasks; answers ${listed(answers)}`)
  say(`  held keys for a while: ${listed(held)}; ${problems.length} keys were held by two at once`)
  for (const problem of problems.slice(0, 10)) say(`  ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

function engineNamed(name: string): Engine {
  const found = ENGINES.find((engine) => engine === name)
  if (found === undefined) throw new Error(`There is no engine ${name}: ${ENGINES.join(', ')}.`)
  return found
}

function listed(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
