// The reference in docs/reference: what users import, room by room, as the doc comments say it, and what `millrace --help` says of
// each command. Without arguments it compares (and fails when they differ), with --write it writes. It fails as well when a
// name that any package exports has no doc comment.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { programOf } from '../packages/millrace/src/cli/program.ts'
import { exportsOf, type Declaration, type Exported } from './declarations.ts'

type Command = ReturnType<typeof programOf>

const root = join(import.meta.dirname, '..')

/** What users import, and the pages on which what is declared below these paths stands: the first that matches. */
const MODULES = [
  'millrace',
  'millrace/opentelemetry',
  'millrace/postgres',
  'millrace/prometheus',
  'millrace/redis',
  'millrace/sqlite',
  'millrace/testing',
]
const ROOMS: readonly (readonly [page: string, title: string, paths: RegExp])[] = [
  ['testing', 'Testing', /^core\/testing\//],
  ['errors', 'Errors', /^core\/(task\/(errors|control-flow)|worker\/run)\./],
  [
    'stores',
    'Stores',
    /^(sqlite|postgres|redis|core\/store|core\/platform)\/|^millrace\/(?!con|opentelemetry)/,
  ],
  [
    'handling',
    'Handling',
    /^core\/(task\/(handler|batch|transaction|current-task|exported-handlers)\.|worker\/)/,
  ],
  [
    'producing',
    'Producing',
    /^core\/(task\/(draft|flow|ids|plugin)\.|client\/(mill|transactional-mill|enqueuer|handle|flow-plan|updates)\.)|^millrace\/connect/,
  ],
  ['definitions', 'Definitions', /^core\/task\//],
  ['operating', 'Operating', /^core\/(client|policy)\/|^millrace\/(config|opentelemetry)|^server\/metrics\//],
]
/** Entries for those who write stores, or look into simulations: not in the pages, but their names have doc comments too. */
const OTHERS = [
  'core/store/index',
  'core/conformance/index',
  'core/model/index',
  'core/simulation/index',
  'sqlite/index',
  'postgres/index',
  'redis/index',
  'server/metrics/index',
]

/** The pages by their file names. Throws if something is exported that has no room. */
export function referencePages(
  modules: ReadonlyMap<string, ReadonlyMap<string, Exported>>,
): Map<string, string> {
  const rooms = new Map(ROOMS.map(([page]) => [page, new Map<string, string>()]))
  for (const [module, names] of modules) {
    for (const [name, one] of names) {
      const path = one.file.replace(/^packages\/([^/]+)\/dist\//, '$1/')
      const [page] = ROOMS.find(([, , paths]) => paths.test(path)) ?? []
      if (page === undefined)
        throw new Error(`${name} of ${path} has no room: give it one in scripts/reference.ts`)
      const entries = rooms.get(page)
      if (entries?.has(name) === false) entries.set(name, section(name, one, module))
    }
  }
  return new Map(ROOMS.map(([page, title]) => [`${page}.md`, pageOf(title, rooms.get(page) ?? new Map())]))
}

function pageOf(title: string, entries: ReadonlyMap<string, string>): string {
  const sections = [...entries].toSorted(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  return `# ${title}\n\n${MADE}\n\n${sections.map(([, text]) => text).join('\n')}`
}

const MADE =
  'All of it comes from `millrace`, unless another module is named. Made from the doc comments by `npm run api`: change those, not this page.'

function section(name: string, { declarations }: Exported, module: string): string {
  const parts = declarations.map(({ doc, text }) => {
    return `${doc === undefined ? '' : `${prose(doc)}\n\n`}\`\`\`tsx\n${signature(text)}\n\`\`\`\n`
  })
  const from = module === 'millrace' ? '' : `from \`${module}\`\n\n`
  return `## ${name}\n\n${from}${parts.join('\n')}`
}

/** A doc comment as Markdown: its tags are a list below it. */
function prose(doc: string): string {
  const [text = '', ...tags] = doc.split(/^@/m)
  const items = tags.map((tag) => {
    const [, kind = '', rest = ''] = /^(\w+)\s*([\s\S]*)$/.exec(tag.trim()) ?? []
    return `- *${kind}* ${rest.replaceAll(/\s*\n\s*/g, ' ')}`
  })
  return [text.trim(), items.join('\n')].filter((part) => part !== '').join('\n\n')
}

/** Its fence is `tsx`, whose colours are those of TypeScript: `ts` stands for snippets that could be compiled. */
function signature(text: string): string {
  return text.replaceAll(/^ {4}#private;\n/gm, '').trim()
}

/** Of the names of an entry those whose declarations have no doc comment, each as a sentence. */
export function undocumented(names: ReadonlyMap<string, Exported>): readonly string[] {
  return [...names.values()]
    .filter(({ declarations }) => !declarations.some(({ doc }: Declaration) => doc !== undefined))
    .map(
      ({ name, file }) =>
        `${name} (${file.replace('/dist/', '/src/').replace('.d.ts', '.ts')}) is exported without a doc comment.`,
    )
}

/** The page of the command line: what it says of itself. The options of all commands stand with the first one only. */
function commandLine(): string {
  const program = programOf()
  const blocks = [block('millrace', program), ...commandsOf(program, 'millrace')]
  return `# Command line\n\nMade by \`npm run api\` from what \`millrace help\` says.\n\n${blocks.join('\n')}`
}

function commandsOf(parent: Command, path: string): readonly string[] {
  return parent.commands.flatMap((command) => {
    const title = `${path} ${command.name()}`
    return [block(title, command.configureHelp({ showGlobalOptions: false })), ...commandsOf(command, title)]
  })
}

function block(title: string, command: Command): string {
  let text = ''
  command.configureOutput({
    writeOut: (part) => {
      text += part
    },
    getOutHelpWidth: () => 120,
    getOutHasColors: () => false,
  })
  command.outputHelp()
  return `## ${title}\n\n\`\`\`text\n${text.trimEnd()}\n\`\`\`\n`
}

function main(write: boolean): number {
  const modules = new Map(
    MODULES.map((module) => {
      const [, entry = 'index'] = module.split('/')
      return [module, exportsOf(join(root, 'packages', 'millrace', 'dist', `${entry}.d.ts`))]
    }),
  )
  const others = OTHERS.map((entry) =>
    exportsOf(join(root, 'packages', entry.replace('/', '/dist/')) + '.d.ts'),
  )
  const bare = new Set([...modules.values(), ...others].flatMap(undocumented))
  for (const sentence of bare) console.error(sentence)
  const differing = [...referencePages(modules).set('cli.md', commandLine())].filter(
    ([page, text]) => !settle(join('docs', 'reference', page), text, write),
  )
  return bare.size === 0 && differing.length === 0 ? 0 : 1
}

/** Whether the file says this, now at the latest. */
function settle(file: string, text: string, write: boolean): boolean {
  const target = join(root, file)
  const known = existsSync(target) ? readFileSync(target, 'utf8').replaceAll('\r\n', '\n') : undefined
  if (known === text) return true
  if (!write) {
    console.error(`${file} is not what the code says: run "npm run api" and commit the file.`)
    return false
  }
  mkdirSync(join(root, 'docs', 'reference'), { recursive: true })
  writeFileSync(target, text)
  console.log(`${file} is written.`)
  return true
}

if (import.meta.main) {
  process.exitCode = main(process.argv.includes('--write'))
}
