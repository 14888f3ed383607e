/**
 * Kills the server with -9 under load, again and again: nothing acknowledged is lost, nothing is accepted twice, and
 * the workers go on by themselves. Redis that syncs once a second may forget what it answered in the last moments.
 * After `npm run build`: `node bench/src/server-kills.ts [postgres redis-always redis-everysec] [--rounds N]
 * [--tasks N] [--seed N]`. Exit code 1 if something is lost or doubled, or a worker takes longer than 3 s to go on.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { seededRandom } from '@millrace/core/simulation'
import { runOutage, type Outcome, type Round } from './outages/outage.ts'
import { ENGINES, type Engine } from './outages/server.ts'

/** How soon workers have to go on. */
const RESUME_MS = 3_000
/** For how long the server stays away at most. */
const DOWN_MS = 4_000
const SEEDS = 2 ** 31

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '10' },
      tasks: { type: 'string', default: '5000' },
      seed: { type: 'string' },
    },
  })
  const [rounds, tasks, seed] = [values.rounds, values.tasks, values.seed ?? randomInt(SEEDS)].map(Number)
  if (![rounds, tasks, seed].every(Number.isInteger))
    throw new Error('--rounds, --tasks and --seed take a whole number.')
  const engines = positionals.length === 0 ? ENGINES : positionals.map(engineNamed)
  let bad = 0
  for (const engine of engines) {
    say(`${engine}, seed ${seed}`)
    const random = seededRandom(seed!)
    const downMs = (): number => random.between(0, DOWN_MS)
    const outcome = await runOutage({ engine, rounds: rounds!, tasks: tasks!, downMs, told: sayRound })
    if (!isFine(outcome)) bad += 1
  }
  return bad === 0 ? 0 : 1
}

function engineNamed(name: string): Engine {
  const found = ENGINES.find((engine) => engine === name)
  if (found === undefined) throw new Error(`There is no engine ${name}: ${ENGINES.join(', ')}.`)
  return found
}

function sayRound({ downMs, resumedMs, acknowledgedMs }: Round): void {
  const workers = resumedMs.map((ms) => `${ms} ms`).join(', ')
  say(`  away for ${downMs} ms; then workers went on after ${workers}, enqueues after ${acknowledgedMs} ms`)
}

function isFine({ rounds, acknowledged, refused, started, forgotten, problems, troubles }: Outcome): boolean {
  const times = rounds.flatMap(({ resumedMs }) => resumedMs).toSorted((a, b) => a - b)
  const worst = times.at(-1) ?? 0
  const late = times.filter((ms) => ms > RESUME_MS).length
  say(
    `  ${acknowledged} acknowledged, ${refused} refused, ${started} handlers called; ${forgotten} forgotten as the settings allow, ${problems.length} problems`,
  )
  say(
    `  workers went on after ${times[times.length >> 1] ?? 0} ms (median), ${worst} ms at most; ${late} later than ${RESUME_MS} ms`,
  )
  for (const problem of problems.slice(0, 10)) say(`  ${problem}`)
  for (const [error, times_] of [...troubles].slice(0, 5)) say(`  workers said ${times_} times: ${error}`)
  return problems.length === 0 && late === 0
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
