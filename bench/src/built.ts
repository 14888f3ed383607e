/**
 * The harness' own sources without their types, for the processes that are measured: one that strips types by
 * itself takes 25 MB more, which no process of a user's does.
 */
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, join } from 'node:path'

const SOURCES = import.meta.dirname

/** Sources of the same folder tree; those of other packages stay what they are. */
const OWN = /(?<=from '|import\(')(\.{1,2}\/[^']+)\.ts(?=')/g

/** Builds them in a folder beside the sources, so that paths out of it lead to the same places; it goes with the process. */
export function builtSources(): string {
  const folder = mkdtempSync(join(SOURCES, '..', 'built-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const name of globSync('**/*.ts', { cwd: SOURCES })) {
    const path = join(folder, name.replace(/ts$/, 'js'))
    const depth = name.split('/').length
    const source = stripTypeScriptTypes(readFileSync(join(SOURCES, name), 'utf8'))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(
      path,
      source.replace(OWN, (specifier, stem: string) =>
        stem.startsWith('../'.repeat(depth)) ? specifier : `${stem}.js`,
      ),
    )
  }
  return folder
}
