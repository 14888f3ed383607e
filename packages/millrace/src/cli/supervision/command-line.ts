/** Which command lines are supervised, without the parser: the process that supervises loads as little as it can. */

export interface Supervision {
  /** What the worker processes are given. */
  readonly args: readonly string[]
  readonly processes: number
  readonly json: boolean
}

/** Options of the command line as a whole that take a value. */
const WITH_VALUE: ReadonlySet<string> = new Set(['--store', '--namespace', '--config'])

/** More than that is a mistake, and would be a costly one. */
const PROCESSES_MAX = 1_000

/**
 * `undefined`: whatever it is, it is done by this process itself. What is wrong with the options is found by the worker
 * process, which reads them all.
 */
export function supervisionOf(args: readonly string[]): Supervision | undefined {
  const options = args.includes('--') ? args.slice(0, args.indexOf('--')) : args
  if (verbOf(options) !== 'worker') return undefined
  if (['--help', '-h', '--version', '-V', '--with-parent'].some((name) => options.includes(name)))
    return undefined
  return {
    args: args.toSpliced(options.length, 0, '--with-parent'),
    processes: processesOf(valueOf(options, '--processes')) ?? 1,
    json: options.includes('--json'),
  }
}

/** How many processes an option asks for; `undefined` for what is no such number. */
export function processesOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^[1-9]\d{0,3}$/.test(text)) return undefined
  const count = Number(text)
  return count <= PROCESSES_MAX ? count : undefined
}

function verbOf(options: readonly string[]): string | undefined {
  for (let i = 0; i < options.length; i++) {
    const text = options[i]!
    if (WITH_VALUE.has(text)) i += 1
    else if (!text.startsWith('-')) return text
  }
  return undefined
}

/** The last one counts, as it does for the parser. */
function valueOf(options: readonly string[], name: string): string | undefined {
  for (let i = options.length - 1; i >= 0; i--) {
    const text = options[i]!
    if (text.startsWith(`${name}=`)) return text.slice(name.length + 1)
    if (text === name) return options[i + 1]
  }
  return undefined
}
