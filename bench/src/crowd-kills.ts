/**
 * 64 producers and four workers on few keys, their processes killed with -9 at random: no unique key is ever held by two
 * at once, no limit exceeded, no order broken, by the journal of what they were told and what the store says. After
 * `npm run build`: `node bench/src/crowd-kills.ts [sqlite postgres redis] [--play keys|limits] [--kills N] [--every MS]
 * [--seed N]`. Exit code 1 if one is.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { gather } from './crowd/crowd.ts'
import { judgeKeys } from './crowd/key-judge.ts'
import { judgeLimits } from './crowd/limit-judge.ts'
import { PLAYS, type PlayName } from './crowd/play.ts'
import { ENGINES, engineNamed, type Engine } from '../../test/servers/stage.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '60' },
    every: { type: 'string', default: '500' },
    seed: { type: 'string' },
    play: { type: 'string' },
  },
})
const [kills, everyMs, seed] = [values.kills, values.every, values.seed ?? randomInt(2 ** 31)].map(Number)
if (![kills, everyMs, seed].every(Number.isInteger))
  throw new Error('--kills, --every and --seed take a whole number.')

const plays = values.play === undefined ? (Object.keys(PLAYS) as PlayName[]) : [playNamed(values.play)]

for (const engine of positionals.length === 0 ? ENGINES : positionals.map(engineNamed))
  for (const play of plays) await watch(engine, play)

async function watch(engine: Engine, play: PlayName): Promise<void> {
  const plan = { play, engine, kills: kills!, everyMs: everyMs!, seed: seed! }
  const { problems } = await gather(plan, async (scene) => {
    const { answers } = scene.journal
    say(
      `${engine}, ${play}, seed ${seed}: ${kills} kills, ${scene.tasks.length} tasks; answers ${listed(answers)}`,
    )
    if (play === 'keys') {
      const verdict = await judgeKeys(scene)
      say(`  held keys for a while: ${listed(verdict.held)}`)
      return verdict
    }
    const verdict = await judgeLimits(scene)
    say(`  claims: ${listed(verdict.claims)}; at once under a key, at most: ${listed(verdict.atOnce)}`)
    return verdict
  })
  say(`  ${problems.length} problems`)
  for (const problem of problems.slice(0, 10)) say(`  ${problem}`)
  if (problems.length > 0) process.exitCode = 1
}

function playNamed(name: string): PlayName {
  if (name in PLAYS) return name as PlayName
  throw new Error(`There is no play ${name}: ${Object.keys(PLAYS).join(', ')}.`)
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
