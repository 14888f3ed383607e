/** What the command line asks for. */
import { parseArgs } from 'node:util'
import { ENGINES, type Engine } from './engine.ts'
import { OURS, SIDES } from './side.ts'
import { LOADS } from './loads.ts'
import type { Plan } from './runner.ts'

/** Whom Millrace is measured against if nobody is named. */
const RIVALS: Readonly<Record<Engine, readonly string[]>> = {
  sqlite: ['plainjob'],
  memory: [],
  postgres: ['graphile-worker', 'pg-boss'],
  redis: ['bullmq', 'bee-queue'],
}

export const USAGE = `Measures Millrace and its peers: all sides in turn (A B A B …), each time in fresh processes on a fresh store.

  npm run bench -- [--load W1,W3] [--engine sqlite] [--against plainjob] [--iterations 3]

  --load NAMES       ${LOADS.map(({ name }) => name).join(', ')}, or all. Default: W1,W2,W3,W4,W5
  --engine NAME      ${ENGINES.join(' or ')}. Default: sqlite
  --against NAMES    ${ENGINES.map((engine) => `on ${engine} ${peersOn(engine).join(', ') || 'nobody'}`).join('; ')};
                     or none. Default: ${ENGINES.map((engine) => RIVALS[engine].join(', ') || 'none').join(' | ')}
  --only NAMES       Exactly these sides, the first against the others; for measuring peers without Millrace
  --iterations N     How often each side runs. Default: 3
  --quick            Few tasks: shows that everything runs; its figures mean nothing
  --profile          Also shows where the time of each thread goes, which makes everything slower
  --patient          Waits until the machine is quiet, and makes a trial again that others disturbed
  --json FILE        Writes all figures
  --from FILE …      Measures nothing: takes the figures from there; of the same case the last file's
  --write-docs       Writes docs/benchmarks.md and its plots. Runs against millrace-server are a section of their own:
                     by themselves they replace that section only
  --help

Postgres and Redis are started for the run, durable, unless MILLRACE_TEST_POSTGRES_URL or MILLRACE_TEST_REDIS_URL
(an empty database) names one; then what the engine spends is not measured.
All files are in the folder for temporary ones: TMPDIR names another.`

export class UsageError extends Error {}

export interface Wish extends Plan {
  readonly help: boolean
  readonly json: string | undefined
  /** Files to take the figures from; none: they are measured. */
  readonly from: readonly string[]
  readonly writeDocs: boolean
}

/** @throws UsageError */
export function wishOf(args: readonly string[]): Wish {
  const values = parsed(args)
  checkNamed(values.engine, ENGINES, '--engine')
  const engine = values.engine as Engine
  const iterations = Number(values.iterations)
  if (!(Number.isInteger(iterations) && iterations >= 1)) {
    throw new UsageError(`--iterations is ${values.iterations}; it is a whole number, at least 1.`)
  }
  return {
    loads: loadsOf(values.load),
    engine,
    sides: sidesOf(values, engine),
    iterations,
    quick: values.quick,
    profiled: values.profile,
    patient: values.patient,
    help: values.help,
    json: values.json,
    from: fromOf(values),
    writeDocs: values['write-docs'],
  }
}

interface Values {
  readonly load: string
  readonly engine: string
  readonly against?: string
  readonly only?: string
  readonly iterations: string
  readonly quick: boolean
  readonly profile: boolean
  readonly patient: boolean
  readonly json?: string
  readonly from?: string
  readonly others: readonly string[]
  readonly 'write-docs': boolean
  readonly help: boolean
}

function parsed(args: readonly string[]): Values {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        load: { type: 'string', default: 'W1,W2,W3,W4,W5' },
        engine: { type: 'string', default: 'sqlite' },
        against: { type: 'string' },
        only: { type: 'string' },
        iterations: { type: 'string', default: '3' },
        quick: { type: 'boolean', default: false },
        patient: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        json: { type: 'string' },
        from: { type: 'string' },
        'write-docs': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    return { ...values, others: positionals }
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function fromOf({ from, others }: Values): readonly string[] {
  if (from !== undefined) return [from, ...others]
  if (others.length === 0) return []
  throw new UsageError(`${others[0]} is no option; files stand behind --from.`)
}

function sidesOf({ against, only }: Values, engine: Engine): readonly string[] {
  if (only !== undefined) {
    if (against !== undefined) throw new UsageError('--only and --against exclude each other.')
    const names = listed(only)
    if (names.length === 0) throw new UsageError('--only names nobody.')
    for (const name of names) checkNamed(name, [OURS, ...peersOn(engine)], '--only')
    return names
  }
  if (against === undefined) return [OURS, ...RIVALS[engine]]
  const names = listed(against).filter((name) => name !== 'none')
  for (const name of names) checkNamed(name, peersOn(engine), '--against')
  return [OURS, ...names]
}

function peersOn(engine: Engine): string[] {
  return SIDES.filter(({ name, durability }) => name !== OURS && durability[engine] !== undefined).map(
    ({ name }) => name,
  )
}

function listed(names: string): string[] {
  return names
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

function loadsOf(names: string): Plan['loads'] {
  if (names === 'all') return LOADS
  const known = LOADS.map(({ name }) => name)
  return listed(names).map((name) => {
    checkNamed(name, known, '--load')
    return LOADS.find((load) => load.name === name)!
  })
}

function checkNamed(name: string, known: readonly string[], option: string): void {
  if (!known.includes(name)) throw new UsageError(`${option} names ${name}; there are ${known.join(', ')}.`)
}
