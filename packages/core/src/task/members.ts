/** Options by name. A name that nobody knows is a mistake, which would be ignored in silence. */
import { InvalidArgumentError } from './errors.ts'
import { messageOf, shown } from './shown.ts'

/** The members that options of a type may have: the compiler sees that none is forgotten. */
export type Members<Options extends object = Record<string, unknown>> = Readonly<Record<keyof Options, true>>

/**
 * Refuses what is no object, members that are not known, and such as cannot be read.
 *
 * @param what whose options these are, for the error: `enqueue`
 * @throws InvalidArgumentError with the name that was meant, as far as one can guess
 */
export function checkMembers(options: unknown, known: Members, what: string): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new InvalidArgumentError(`The options of ${what} are ${shown(options)}.`, {
      hint: `They are an object with any of ${Object.keys(known).join(', ')}.`,
    })
  }
  reading(`The options of ${what}`, () => {
    checkNames(options as Readonly<Record<string, unknown>>, known, what)
    // a getter that throws does so here, and not half-way
    for (const name of Object.keys(known)) void (options as Readonly<Record<string, unknown>>)[name]
  })
}

/**
 * Reads something of the user's, which may be more than plain data.
 *
 * @param what is read, for the error: `The metadata`
 * @throws InvalidArgumentError if a getter of it throws
 */
export function reading<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof InvalidArgumentError) throw cause
    throw new InvalidArgumentError(`${what} cannot be read: ${messageOf(cause)}`, {
      hint: 'Give plain data: a getter of this throws.',
      cause,
    })
  }
}

function checkNames(options: Readonly<Record<string, unknown>>, known: Members, what: string): void {
  for (const name of Object.keys(options)) {
    if (known[name] === true || options[name] === undefined) continue
    const meant = nearest(name, Object.keys(known))
    throw new InvalidArgumentError(`The options of ${what} have no ${shown(name)}.`, {
      hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}There are ${Object.keys(known).join(', ')}.`,
    })
  }
}

/** A slip of the finger is this far away at most, and less in a short name. */
const EDITS_MAX = 2

/** The name that somebody may have meant. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((other) => ({ other, edits: editDistance(name.toLowerCase(), other.toLowerCase()) }))
    .filter(({ other, edits }) => edits <= Math.min(EDITS_MAX, other.length / 2))
    .sort((a, b) => a.edits - b.edits)
  return best?.other
}

/** Letters to insert, leave out or replace, and neighbours to swap (optimal string alignment). Long names are far from all. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > EDITS_MAX) return Infinity
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        row[j - 1]! + 1,
        rows[i - 1]![j]! + 1,
        rows[i - 1]![j - 1]! + (same ? 0 : 1),
        swapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      )
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
