import { hostname } from 'node:os'

/** Where this process runs, for operators. */
export function hostProfile(): { readonly host: string; readonly pid: number } {
  return { host: hostname(), pid: process.pid }
}
