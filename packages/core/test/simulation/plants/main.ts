/**
 * Looks for each planted bug, seed after seed, and prints a table: which rule it breaks, which violation gave it away,
 * and after how many seeds. Arguments: `--write` puts the table into docs/simulation.md; names of plants, of which all
 * are taken by default.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { plantedPlay } from './graph.ts'
import { PLANTS, type Plant } from './plants.ts'
import { check, drawPlan } from '../../../src/simulation/index.ts'

/** After so many seeds a plant counts as not found. */
const SEEDS_MAX = 5_000

const PAGE = join(import.meta.dirname, '../../../../../docs/simulation.md')

const names = process.argv.slice(2).filter((name) => name !== '--write')
Error.stackTraceLimit = 0

const lines = ['| planted | rule | found as | after seeds |', '|---|---|---|--:|']
for (const plant of PLANTS) {
  if (names.length > 0 && !names.includes(plant.name)) continue
  lines.push(`| ${plant.name} | ${plant.breaks} | ${await search(plant)} |`)
}
console.log(lines.join('\n'))
if (process.argv.includes('--write')) write(lines.join('\n'))

/** The plans are drawn, and the histories judged, by what is not planted. */
async function search(plant: Plant): Promise<string> {
  const play = await plantedPlay(plant)
  for (let seed = 1; seed <= SEEDS_MAX; seed++) {
    const { history, bounds } = await play(drawPlan(seed))
    const [violation] = check(history, bounds)
    if (violation !== undefined) return `\`${violation.code}\` | ${seed}`
  }
  return `not found | ${SEEDS_MAX}`
}

function write(table: string): void {
  const page = readFileSync(PAGE, 'utf8')
  writeFileSync(
    PAGE,
    page.replace(/\| planted \|[\s\S]*?(?=\n\n|$)/, () => table),
  )
}
