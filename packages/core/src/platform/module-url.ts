import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Where a module is that somebody names by a URL, or by a path as on the command line. */
export function moduleUrl(module: URL | string): string {
  if (typeof module !== 'string') return module.href
  return /^(file|data):/.test(module) ? module : pathToFileURL(resolve(module)).href
}
