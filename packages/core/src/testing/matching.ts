/** Compares a value with the part of it that a test gives. */

/** A place where they differ. */
export interface Mismatch {
  /** As `input.lines[0].name`. */
  readonly path: string
  readonly expected: unknown
  readonly actual: unknown
}

/** Objects need only have the members that are expected; lists are compared whole, each item by the same rule. */
export function mismatches(actual: unknown, expected: unknown, path: string): Mismatch[] {
  const different = [{ path, expected, actual }]
  if (isMatcher(expected)) return expected.asymmetricMatch(actual) ? [] : different
  if (typeof expected !== 'object' || expected === null) return Object.is(actual, expected) ? [] : different
  if (expected instanceof Date)
    return actual instanceof Date && actual.getTime() === expected.getTime() ? [] : different
  if (typeof actual !== 'object' || actual === null || Array.isArray(actual) !== Array.isArray(expected))
    return different
  if (Array.isArray(expected)) {
    const items = actual as readonly unknown[]
    if (items.length !== expected.length) return different
    return expected.flatMap((item, index) => mismatches(items[index], item, `${path}[${index}]`))
  }
  const members = actual as Readonly<Record<string, unknown>>
  return Object.entries(expected).flatMap(([name, value]) =>
    value === undefined && !(name in members) ? [] : mismatches(members[name], value, `${path}.${name}`),
  )
}

/** What vitest and jest make for a part of a value, as `expect.any(String)`; by structure. */
function isMatcher(expected: unknown): expected is { asymmetricMatch(actual: unknown): boolean } {
  return typeof (Object(expected) as { readonly asymmetricMatch?: unknown }).asymmetricMatch === 'function'
}
