/** What is to be said to whoever has an older Node: what they would see else is the first line that it cannot read. */

const NEEDED = 24

/**
 * @param version as `process.versions.node` has it
 * @returns `undefined` if it will do
 */
export function whyTooOld(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= NEEDED) return undefined
  return `millrace: This is Node ${version}, and Millrace needs Node ${NEEDED} or newer.\n  See: https://nodejs.org/en/download`
}
