/** The engines that tasks live in. */
export const ENGINES = ['sqlite', 'memory', 'postgres', 'redis'] as const
export type Engine = (typeof ENGINES)[number]

/** Servers, which have processes and connections of their own. */
export const SERVERS = ['postgres', 'redis'] as const satisfies readonly Engine[]

/** @throws Error for a URL of no engine */
export function engineOf(url: string): Engine {
  const scheme = url.slice(0, url.indexOf(':'))
  const engine = ENGINES.find((one) => one === scheme)
  if (engine !== undefined) return engine
  throw new Error(`No engine has URLs that begin with ${scheme}:`)
}

/** Where the file of a `sqlite:` URL is. */
export function pathOf(url: string): string {
  return url.slice('sqlite:'.length)
}
