// The public API as one text file per package, so that a change of it is seen in review: the declarations that are reachable from
// the package's index. Without arguments it compares (and fails when they differ), with --write it writes.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const root = join(import.meta.dirname, '..')
/** By the name of its report, each entry: the package's folder and the module. */
const ENTRIES = [
  { report: 'core', folder: 'core', module: 'index' },
  { report: 'millrace', folder: 'millrace', module: 'index' },
  { report: 'millrace-opentelemetry', folder: 'millrace', module: 'opentelemetry' },
  { report: 'millrace-postgres', folder: 'millrace', module: 'postgres' },
  { report: 'millrace-redis', folder: 'millrace', module: 'redis' },
  { report: 'millrace-sqlite', folder: 'millrace', module: 'sqlite' },
  { report: 'server-metrics', folder: 'server', module: 'metrics/index' },
  { report: 'core-testing', folder: 'core', module: 'testing/index' },
] as const

/** The declarations reachable from `entry` over relative imports: the entry first, the others by path. */
export function apiReport(entry: string): string {
  const folder = dirname(entry)
  const texts = new Map<string, string>()
  const open = [entry]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (texts.has(file)) continue
    const text = readFileSync(file, 'utf8')
    texts.set(file, text)
    open.push(...relativeImports(file, text))
  }
  const files = [...texts.keys()].toSorted((a, b) => rank(a, b, entry))
  return files
    .map((file) => section(relative(folder, file).replaceAll('\\', '/'), texts.get(file) ?? ''))
    .join('\n')
}

function rank(a: string, b: string, entry: string): number {
  if (a === entry || b === entry) return a === entry ? -1 : 1
  return a < b ? -1 : 1
}

function relativeImports(file: string, text: string): readonly string[] {
  const specifiers = text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"](\.[^'"]+)['"]/g)
  return [...specifiers].map(([, specifier = '']) => {
    return join(dirname(file), specifier.replace(/\.[jt]s$/, '.d.ts'))
  })
}

function section(name: string, text: string): string {
  const declarations = text.replaceAll(/^\/\/# sourceMappingURL=.*$/gm, '').trimEnd()
  return `// ---- ${name}\n${declarations}\n`
}

function main(write: boolean): number {
  let differing = 0
  for (const { report: name, folder, module } of ENTRIES) {
    const file = join('docs', 'api', `${name}.d.ts.txt`)
    const target = join(root, file)
    const report = apiReport(join(root, 'packages', folder, 'dist', `${module}.d.ts`))
    const known = existsSync(target) ? readFileSync(target, 'utf8').replaceAll('\r\n', '\n') : undefined
    if (known === report) {
      console.log(`${file} is up to date.`)
    } else if (write) {
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, report)
      console.log(`${file} is written.`)
    } else {
      differing++
      console.error(
        `The public API of packages/${folder} differs from ${file}: if that is meant, run "npm run api" and commit the file.`,
      )
    }
  }
  return differing === 0 ? 0 : 1
}

if (import.meta.main) {
  process.exitCode = main(process.argv.includes('--write'))
}
