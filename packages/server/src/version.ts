/** The version of this package. */
import { readFileSync } from 'node:fs'

export const VERSION: string = read()

function read(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { readonly version: string }).version
}
