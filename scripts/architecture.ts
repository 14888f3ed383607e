// The rules of the cut that the linter cannot express: which way imports run. Text based, over the sources without the tests.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The sources, by their path from the repository's root with forward slashes. */
export type Sources = ReadonlyMap<string, string>

interface Import {
  readonly specifier: string
  /** The path of the imported file, when the import is relative. */
  readonly target?: string
  readonly typeOnly: boolean
}

const CORE = 'packages/core/src/'
const INDEX = `${CORE}index.ts`
const APART = ['conformance', 'model', 'simulation', 'testing'].map((folder) => `${CORE}${folder}/`)
const POLICY = `${CORE}policy/`
const CLOCK = /\bnew\s+Date\b(?!\s*\(\s*[^\s)])/

/** What a package may import besides its own files; a package that is not named here gets its line with its first file. */
const ALLOWED = new Map<string, (specifier: string) => boolean>([
  ['core', (specifier) => !isOurs(specifier)],
  ['sqlite', (specifier) => isCore(specifier) || specifier.startsWith('node:')],
  ['postgres', (specifier) => isCore(specifier) || specifier === 'pg' || specifier.startsWith('node:')],
  [
    'redis',
    (specifier) => isCore(specifier) || specifier.startsWith('node:') || specifier === '@redis/client',
  ],
  [
    'server',
    (specifier) => isCore(specifier) || specifier.startsWith('@millrace/server/') || !isOurs(specifier),
  ],
  ['millrace', () => true],
])

/** Every broken rule as one line: the file, and what is wrong with it. */
export function checkArchitecture(sources: Sources): readonly string[] {
  const found: string[] = []
  for (const [file, text] of sources) {
    for (const problem of checkFile(file, text)) found.push(`${file}: ${problem}`)
  }
  return [...found, ...checkIndex(sources)]
}

function checkFile(file: string, text: string): readonly string[] {
  const code = withoutComments(text)
  const problems = importsOf(file, code).flatMap((one) => checkImport(file, one))
  if (file.startsWith(CORE) && !file.startsWith(`${CORE}platform/`) && CLOCK.test(code)) {
    problems.push('reads the clock with new Date(); time comes from platform/')
  }
  return problems
}

function checkImport(file: string, { specifier, target, typeOnly }: Import): string[] {
  const [, name = ''] = file.split('/')
  if (target !== undefined && !target.startsWith(`packages/${name}/`)) {
    return [`imports ${specifier}, which leaves the package; import it by its name`]
  }
  if (target === undefined && ALLOWED.get(name)?.(specifier) !== true) {
    return [`imports ${specifier}, which the package ${name} must not know`]
  }
  if (!file.startsWith(POLICY)) return []
  if (target === undefined) {
    const cron = specifier === 'croner' && file.startsWith(`${POLICY}cron`)
    return cron ? [] : [`imports ${specifier}, but a policy knows only tasks and the types of the store`]
  }
  if (target.startsWith(POLICY) || target.startsWith(`${CORE}task/`)) return []
  if (target.startsWith(`${CORE}store/`) && !target.startsWith(`${CORE}store/memory/`)) {
    return typeOnly
      ? []
      : [`imports values from ${specifier}, but a policy knows only the types of the store`]
  }
  return [`imports ${specifier}, but a policy knows only tasks and the types of the store`]
}

/** The public surface drags in neither the conformance cases, the model, the simulation nor what users test with, however long the way. */
function checkIndex(sources: Sources): readonly string[] {
  const ways = new Map([[INDEX, 'index.ts']])
  for (const [file, way] of ways) {
    const text = sources.get(file)
    if (text === undefined) continue
    for (const { target } of importsOf(file, withoutComments(text))) {
      if (target === undefined || ways.has(target)) continue
      const longer = `${way} → ${target.slice(CORE.length)}`
      if (APART.some((folder) => target.startsWith(folder))) return [`${INDEX}: reaches ${longer}`]
      ways.set(target, longer)
    }
  }
  return []
}

function importsOf(file: string, code: string): readonly Import[] {
  const found: Import[] = []
  const statement =
    /^\s*(?:import|export)\b(\s+type\b)?[^'"`;=]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]/gm
  for (const [, type, from, bare] of code.matchAll(statement)) {
    found.push(toImport(file, from ?? bare ?? '', type !== undefined))
  }
  for (const [, specifier = ''] of code.matchAll(/\bimport\s*\(\s*['"]([^'"]+)['"]/g)) {
    found.push(toImport(file, specifier, false))
  }
  return found
}

function toImport(file: string, specifier: string, typeOnly: boolean): Import {
  if (!specifier.startsWith('.')) return { specifier, typeOnly }
  return { specifier, typeOnly, target: join(dirname(file), specifier).replaceAll('\\', '/') }
}

/** Good enough for imports and `new Date`: a comment starts a line or follows a blank, so addresses in strings stay. */
function withoutComments(text: string): string {
  return text.replaceAll(/(^|\s)\/\*[\s\S]*?\*\//g, '$1').replaceAll(/(^|\s)\/\/.*$/gm, '$1')
}

function isOurs(specifier: string): boolean {
  return specifier === 'millrace' || specifier.startsWith('millrace/') || specifier.startsWith('@millrace/')
}

function isCore(specifier: string): boolean {
  return specifier === '@millrace/core' || specifier.startsWith('@millrace/core/')
}

/** The sources of all packages below `root`; tests may import what they like. */
export function readSources(root: string): Sources {
  const files = globSync('packages/*/src/**/*.ts', { cwd: root }).map((file) => file.replaceAll('\\', '/'))
  const sources = files.filter((file) => !/\.test(-d)?\.ts$|\/test\//.test(file)).toSorted()
  return new Map(sources.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

if (import.meta.main) {
  const sources = readSources(join(import.meta.dirname, '..'))
  const problems = checkArchitecture(sources)
  for (const problem of problems) console.error(problem)
  console.log(`${sources.size} files against the rules of the cut: ${problems.length} problems.`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
