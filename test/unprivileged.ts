/** For tests of what a process may not do, which root may. */

const RIGHTS = '-dac_override,-dac_read_search'

/**
 * The command that runs Node with what only the owner and the mode of a file allow. Root gives up its right to pass over
 * them rather than its name: the repository may be in a folder that nobody else can read.
 */
export function unprivileged(args: readonly string[]): readonly [command: string, args: readonly string[]] {
  if (process.getuid?.() !== 0) return [process.execPath, args]
  return ['setpriv', [`--bounding-set=${RIGHTS}`, `--inh-caps=${RIGHTS}`, process.execPath, ...args]]
}
