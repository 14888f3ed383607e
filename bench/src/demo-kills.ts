/**
 * Kills `millrace demo` with -9, again and again, and looks whether it comes to the same report as if nobody had.
 * After `npm run build`: `node bench/src/demo-kills.ts [FOLDER] [--runs N] [--seed N]`. Exit code 1 if it does not.
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createHash, randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { drawMoments, type Blow } from './kills/moments.ts'
import type { DemoOptions } from './kills/demo.ts'
import { runDisturbed, runUndisturbed, type Disturbed, type Undisturbed } from './kills/run.ts'

const KILLS = { min: 1, max: 3 }
const SEEDS = 2 ** 31

interface Wish {
  readonly folder: string
  readonly runs: number
  /** The seed of the first run; each further one has the next. */
  readonly seed: number
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const over = new AbortController()
process.once('exit', () => over.abort())

process.exitCode = await main(wishOf(process.argv.slice(2)))

function wishOf(args: readonly string[]): Wish {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { runs: { type: 'string', default: '20' }, seed: { type: 'string' } },
  })
  const [folder = 'node_modules'] = positionals
  const [runs, seed] = [Number(values.runs), Number(values.seed ?? randomInt(SEEDS))]
  if (![runs, seed].every((value) => Number.isInteger(value) && value >= 0)) {
    throw new Error('--runs and --seed take a whole number.')
  }
  return { folder: resolve(folder), runs, seed }
}

async function main({ folder, runs, seed }: Wish): Promise<number> {
  const places = mkdtempSync(join(tmpdir(), 'millrace-kills-'))
  const placeOf = (name: string): string => {
    const place = join(places, name)
    mkdirSync(place)
    return place
  }
  const before = fingerprint(folder)
  const expected = await runUndisturbed({
    place: placeOf('undisturbed'),
    folder,
    more: ['--no-kill'],
    over: over.signal,
  })
  say(
    `undisturbed: ${expected.tasks} tasks in ${seconds(expected.durationMs)}: ${JSON.stringify(expected.report)}`,
  )
  const results: Disturbed[] = []
  for (let n = 0; n < runs; n++) {
    const place = placeOf(`run-${n + 1}`)
    const result = await oneRun({ place, folder, over: over.signal }, seed + n, expected)
    results.push(result)
    // What went wrong is kept to be looked at.
    if (result.problems.length === 0) rmSync(place, { recursive: true })
    else say(`  see ${place}`)
  }
  const untouched = fingerprint(folder) === before
  if (!untouched) say('Somebody has changed the folder meanwhile: measure one that nobody writes to.')
  const bad = results.filter(({ problems }) => problems.length > 0).length
  if (bad === 0) rmSync(places, { recursive: true })
  const kills = results.flatMap(({ blows }) => blows).length
  say(`${runs} runs, ${kills} kills, ${bad} of the runs differ from the undisturbed one`)
  return bad === 0 && untouched ? 0 : 1
}

/** Changes with every file that is written, added or removed. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const stats = lstatSync(join(folder, name), { throwIfNoEntry: false })
    hash.update(`${name} ${stats?.size} ${stats?.mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** The moments are all that the seed decides. */
async function oneRun(options: DemoOptions, seed: number, expected: Undisturbed): Promise<Disturbed> {
  const since = performance.now()
  const moments = drawMoments(seed, { kills: KILLS, byTime: 0.5 })
  const result = await runDisturbed(options, expected, { moments })
  const { blows, problems } = result
  const killed = blows.map(blowText).join(', ')
  const late = blows.length === 0 ? 'was over before it could be killed' : `killed ${killed}`
  const verdict = problems.length === 0 ? 'same report, one outcome each, file ok' : 'DIFFERS'
  say(`seed ${seed}  ${late}  ${verdict}  (${seconds(performance.now() - since)})`)
  for (const problem of problems.slice(0, 10)) say(`  ${problem}`)
  return result
}

function blowText({ afterMs, written, ended }: Blow): string {
  return `after ${seconds(afterMs)} (${written} tasks written, ${ended} done)`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
