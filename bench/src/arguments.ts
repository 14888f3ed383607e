/** What the command line asks for. */
import { parseArgs } from 'node:util'
import { ENGINES, OURS, SIDES, type Engine } from './side.ts'
import { LOADS } from './loads.ts'
import type { Plan } from './runner.ts'

export const USAGE = `Measures Millrace and its peers: both sides in turn (A B A B …), each time in fresh processes on a fresh file.

  npm run bench -- [--load W1,W3] [--engine sqlite] [--against plainjob] [--iterations 3]

  --load NAMES       ${LOADS.map(({ name }) => name).join(', ')}, or all. Default: W1,W2,W3,W4,W5
  --engine NAME      ${ENGINES.join(' or ')}. Default: sqlite
  --against NAMES    ${SIDES.map(({ name }) => name)
    .filter((name) => name !== OURS)
    .join(', ')}, or none. Default: plainjob
  --iterations N     How often each side runs. Default: 3
  --quick            Few tasks: shows that everything runs; its figures mean nothing
  --profile          Also shows where the time of each thread goes, which makes everything slower
  --patient          Waits until the machine is quiet, and makes a trial again that others disturbed
  --json FILE        Writes all figures
  --from FILE        Measures nothing: takes the figures from there
  --write-docs       Writes docs/benchmarks.md and docs/benchmarks.svg
  --help

The files are in the folder for temporary ones: TMPDIR names another.`

export class UsageError extends Error {}

export interface Wish extends Plan {
  readonly help: boolean
  readonly json: string | undefined
  readonly from: string | undefined
  readonly writeDocs: boolean
}

/** @throws UsageError */
export function wishOf(args: readonly string[]): Wish {
  const values = parsed(args)
  const against = listed(values.against).filter((name) => name !== 'none')
  const peers = SIDES.map(({ name }) => name).filter((name) => name !== OURS)
  for (const name of against) checkNamed(name, peers, '--against')
  checkNamed(values.engine, ENGINES, '--engine')
  const iterations = Number(values.iterations)
  if (!(Number.isInteger(iterations) && iterations >= 1)) {
    throw new UsageError(`--iterations is ${values.iterations}; it is a whole number, at least 1.`)
  }
  return {
    loads: loadsOf(values.load),
    engine: values.engine as Engine,
    against,
    iterations,
    quick: values.quick,
    profiled: values.profile,
    patient: values.patient,
    help: values.help,
    json: values.json,
    from: values.from,
    writeDocs: values['write-docs'],
  }
}

interface Values {
  readonly load: string
  readonly engine: string
  readonly against: string
  readonly iterations: string
  readonly quick: boolean
  readonly profile: boolean
  readonly patient: boolean
  readonly json?: string
  readonly from?: string
  readonly 'write-docs': boolean
  readonly help: boolean
}

function parsed(args: readonly string[]): Values {
  try {
    return parseArgs({
      args: [...args],
      options: {
        load: { type: 'string', default: 'W1,W2,W3,W4,W5' },
        engine: { type: 'string', default: 'sqlite' },
        against: { type: 'string', default: 'plainjob' },
        iterations: { type: 'string', default: '3' },
        quick: { type: 'boolean', default: false },
        patient: { type: 'boolean', default: false },
        profile: { type: 'boolean', default: false },
        json: { type: 'string' },
        from: { type: 'string' },
        'write-docs': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
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
