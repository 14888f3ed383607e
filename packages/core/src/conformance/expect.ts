/** Assertions that need no test runner. */

/** A rule of the port that a backend breaks. */
class Violation extends Error {
  override readonly name = 'Violation'
}

/** @throws Violation */
export function holds(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what)
}

/** Compares deeply: own members, bytes, array order. */
export function equal(actual: unknown, expected: unknown, what = 'the answer'): void {
  const difference = differenceOf(actual, expected, '')
  if (difference === null) return
  const { path, actual: found, expected: wanted } = difference
  throw new Violation(
    `${what}${path === '' ? '' : ` at ${path}`}: ${shown(found)} instead of ${shown(wanted)}`,
  )
}

/** Compares only the members that `expected` names. */
export function matches<T extends object>(actual: T, expected: Partial<T>, what = 'the answer'): void {
  for (const key of Object.keys(expected) as (keyof T & string)[]) {
    equal(actual[key], expected[key], `${what}'s ${key}`)
  }
}

/** Compares arrays of texts in any order. */
export function sameMembers(
  actual: readonly string[],
  expected: readonly string[],
  what = 'the answer',
): void {
  equal(actual.toSorted(), expected.toSorted(), what)
}

/** The value, which is there. */
export function present<T>(value: T | null | undefined, what = 'the answer'): T {
  holds(value !== null && value !== undefined, `${what} is missing`)
  return value
}

/** The only member of an array. */
export function only<T>(values: readonly T[], what = 'the answer'): T {
  holds(values.length === 1, `${what} has ${values.length} members instead of one`)
  return values[0] as T
}

interface Difference {
  readonly path: string
  readonly actual: unknown
  readonly expected: unknown
}

function differenceOf(actual: unknown, expected: unknown, path: string): Difference | null {
  if (Object.is(actual, expected)) return null
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) {
    return { path, actual, expected }
  }
  if (kindOf(actual) !== kindOf(expected)) return { path, actual, expected }
  if (actual instanceof Uint8Array) return differenceOfBytes(actual, expected as Uint8Array, path)
  const keys = Object.keys(expected)
  if (Object.keys(actual).length !== keys.length) return { path, actual, expected }
  for (const key of keys) {
    // own members only: `__proto__` is a member like any other
    if (!Object.hasOwn(actual, key)) return { path, actual, expected }
    const difference = differenceOf(
      (actual as Readonly<Record<string, unknown>>)[key],
      (expected as Readonly<Record<string, unknown>>)[key],
      `${path}.${key}`,
    )
    if (difference !== null) return difference
  }
  return null
}

/** As members of an object a mebibyte of them would take a second. */
function differenceOfBytes(actual: Uint8Array, expected: Uint8Array, path: string): Difference | null {
  if (actual.length !== expected.length) return { path, actual, expected }
  const at = expected.findIndex((byte, index) => actual[index] !== byte)
  return at < 0 ? null : { path: `${path}.${at}`, actual: actual[at], expected: expected[at] }
}

/** A driver may answer its own kind of bytes, as Node's Buffer. */
function kindOf(value: object): 'bytes' | 'array' | 'record' {
  if (value instanceof Uint8Array) return 'bytes'
  return Array.isArray(value) ? 'array' : 'record'
}

function shown(value: unknown): string {
  const text =
    value instanceof Uint8Array ? `bytes of length ${value.length}` : (JSON.stringify(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text
}
