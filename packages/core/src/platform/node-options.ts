/** The options of node that this process was started with, as far as its threads and children need them. */

/** How modules are found and read. */
const HANDED_ON = [
  '--import',
  '--require',
  '-r',
  '--conditions',
  '-C',
  '--loader',
  '--experimental-loader',
  '--experimental-transform-types',
  '--enable-source-maps',
  '--preserve-symlinks',
  '--no-warnings',
  '--disable-warning',
]
const WITH_VALUE =
  /^(--import|--require|-r|--conditions|-C|--loader|--experimental-loader|--disable-warning)$/

/**
 * Without these its modules might not even load. Others are its own business: a thread, say, cannot be started with a limit of
 * the heap among them, nor with a program that was given as text.
 */
export function handedOn(execArgv: readonly string[]): string[] {
  const kept: string[] = []
  for (const [index, option] of execArgv.entries()) {
    const [name = ''] = option.split('=')
    if (!HANDED_ON.includes(name)) continue
    kept.push(option)
    const value = execArgv[index + 1]
    if (WITH_VALUE.test(option) && value !== undefined) kept.push(value)
  }
  return kept
}
