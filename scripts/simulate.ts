/**
 * Plays seeds of the simulator and says which of them show that something is wrong, with their plans made small.
 * `npm run sim -- [--seeds N] [--from SEED] [--only FEATURE,FEATURE] [--jobs N] [--plan FILE] [--no-shrink]`. Exit code 1 if one
 * does. `--plants` looks for the planted bugs instead, and writes their table into docs/simulation.md.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import {
  drawPlan,
  FEATURES,
  shrink,
  simulate,
  type Feature,
  type Plan,
  type Violation,
} from '@millrace/core/simulation'

/** So many of the seeds that fail are shrunk: the others mostly fail for the same reason. */
const SHRUNK_MAX = 3

const PLANTS = join(import.meta.dirname, '../packages/core/test/simulation/plants/main.ts')

const { values } = parseArgs({
  allowNegative: true,
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    only: { type: 'string' },
    plan: { type: 'string' },
    plants: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
  },
})
const [seeds, from, jobs] = [whole('seeds'), whole('from'), whole('jobs')]
const only = values.only === undefined ? null : values.only.split(',').map(featureNamed)
Error.stackTraceLimit = 0 // nobody reads the stacks of errors that are planned

if (values.plants) process.exitCode = (await child(PLANTS, ['--write'])) ?? 1
else if (values.plan !== undefined) await replay(JSON.parse(readFileSync(values.plan, 'utf8')) as Plan)
else if (jobs > 1) await share()
else await playAll()

async function playAll(): Promise<void> {
  const startedMs = performance.now()
  const failed: number[] = []
  let [tasks, effects] = [0, 0]
  for (let seed = from; seed < from + seeds; seed++) {
    const plan = drawPlan(seed, only)
    const { violations, history } = await simulate(plan)
    tasks += history.final.tasks.length
    effects += history.effects.length
    if (violations.length === 0) continue
    failed.push(seed)
    tell(`seed ${seed}`, violations)
    if (failed.length <= SHRUNK_MAX) await tellPlan(plan, violations[0]!)
  }
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1)
  const range = `seeds ${from} to ${from + seeds - 1}`
  say(`${range}: ${failed.length} failed; ${tasks} tasks, ${effects} lines of journal, ${seconds} s`)
  if (failed.length > 0) say(`failed: ${failed.join(' ')}`)
  process.exitCode = failed.length === 0 ? 0 : 1
}

/** Each job is a process of its own, with its share of the seeds. */
async function share(): Promise<void> {
  const each = Math.ceil(seeds / jobs)
  const codes = await Promise.all(
    Array.from({ length: jobs }, (_, index) => {
      const first = from + index * each
      const count = Math.max(0, Math.min(each, from + seeds - first))
      return job(['--from', String(first), '--seeds', String(count)])
    }),
  )
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1
}

function job(range: readonly string[]): Promise<number | null> {
  const rest = [
    ...(values.only === undefined ? [] : ['--only', values.only]),
    ...(values.shrink ? [] : ['--no-shrink']),
  ]
  return child(import.meta.filename, [...range, ...rest])
}

function child(file: string, args: readonly string[]): Promise<number | null> {
  const started = spawn(process.execPath, [...process.execArgv, file, ...args], { stdio: 'inherit' })
  return new Promise((resolve, reject) => {
    started.once('error', reject)
    started.once('exit', resolve)
  })
}

async function replay(plan: Plan): Promise<void> {
  const { violations } = await simulate(plan)
  tell(`the plan of seed ${plan.seed}`, violations)
  if (violations.length === 0) say('Nothing is wrong.')
  process.exitCode = violations.length === 0 ? 0 : 1
}

function tell(what: string, violations: readonly Violation[]): void {
  for (const { code, says } of violations.slice(0, 5)) say(`${what}: ${code}: ${says}`)
}

async function tellPlan(plan: Plan, { code }: Violation): Promise<void> {
  say(`its plan: ${JSON.stringify(plan)}`)
  if (!values.shrink) return
  const { plan: small, tries } = await shrink(plan, code)
  say(`the smallest plan of ${tries} that still leads to ${code}: ${JSON.stringify(small)}`)
}

function whole(name: 'seeds' | 'from' | 'jobs'): number {
  const given = Number(values[name])
  if (Number.isInteger(given) && given >= 0) return given
  throw new Error(`--${name} takes a whole number.`)
}

function featureNamed(name: string): Feature {
  const feature = FEATURES.find((one) => one === name)
  if (feature !== undefined) return feature
  throw new Error(`There is no feature ${name}: ${FEATURES.join(', ')}.`)
}

function say(text: string): void {
  console.log(text)
}
