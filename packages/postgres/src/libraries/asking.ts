/** How a statement reaches a transaction, whoever's it is: one text goes in, one text comes out. */

/** @returns the column `answer` of the only row */
export type Ask = (statement: string, text: string) => Promise<string>

/** Whether a member is a function; transactions of some libraries are functions themselves. */
export function has<K extends string>(
  value: unknown,
  method: K,
): value is Record<K, (...args: never[]) => unknown> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  return typeof (value as Record<string, unknown>)[method] === 'function'
}

/** Libraries answer rows as objects, by the names of their columns. */
export function answerIn(rows: readonly unknown[] | undefined): string {
  return String((rows?.[0] as { readonly answer?: unknown } | undefined)?.answer)
}
