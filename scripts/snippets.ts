// Compiles every TypeScript snippet of the README and the docs, all in one run of tsc. What a snippet may assume is said
// beside it, in a comment that no reader sees: see "Snippets of the docs" in CONTRIBUTING.md.
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'

/** Texts by their path from the repository's root, with forward slashes. */
export type Texts = ReadonlyMap<string, string>

interface Line {
  readonly text: string
  /** The line of the page that it stands in, from 1 on. */
  readonly at: number
}

/** A module that is made of one fenced block, and of those that continue it. */
export interface Module {
  readonly page: string
  /** Its path below the folder of all snippets. Blocks of a page that begin with `// NAME.ts` can import each other. */
  readonly path: string
  readonly lines: readonly Line[]
}

export interface Extract {
  readonly modules: readonly Module[]
  /** Blocks that were looked at, those that are part of an example included. */
  readonly blocks: number
  /** `PAGE:LINE: what is wrong`, each a line. */
  readonly problems: readonly string[]
}

interface Marker {
  readonly verb: string
  readonly rest: string
  readonly code: readonly Line[]
}

interface Block {
  readonly marker: Marker | undefined
  readonly lines: readonly Line[]
  /** The line of its fence. */
  readonly at: number
}

const PAGES = ['*.md', 'docs/**/*.md', 'packages/*/*.md']
const VERBS = ['assumes', 'continues', 'part of', 'not compiled,']

/** The modules that the snippets of these pages are; `example` answers the text of a file, if it is there. */
export function extractSnippets(pages: Texts, example: (file: string) => string | undefined): Extract {
  const modules: Module[] = []
  const problems: string[] = []
  let count = 0
  for (const [page, text] of pages) {
    const blocks = blocksOf(text)
    count += blocks.length
    const found: Module[] = []
    for (const block of blocks) {
      const problem = addBlock(found, block, { page, example })
      if (problem !== undefined) problems.push(`${page}:${block.at}: ${problem}`)
    }
    modules.push(...found)
  }
  return { modules, blocks: count, problems }
}

interface Surroundings {
  readonly page: string
  readonly example: (file: string) => string | undefined
}

/** Adds a block to the modules of its page, and answers what is wrong with it. */
function addBlock(modules: Module[], block: Block, { page, example }: Surroundings): string | undefined {
  const { marker } = block
  if (marker === undefined || marker.verb === 'assumes') {
    const path = pathOf(page, block)
    if (modules.some((one) => one.path === path)) return `there is a ${path} on this page already`
    modules.push({ page, path, lines: [...(marker?.code ?? []), ...block.lines] })
    return undefined
  }
  if (marker.verb === 'continues') {
    const last = modules.pop()
    if (last === undefined) return 'it continues a block, and there is none before it on the page'
    modules.push({ ...last, lines: [...last.lines, ...marker.code, ...block.lines] })
    return undefined
  }
  if (marker.verb === 'part of') {
    const text = example(marker.rest)
    if (text === undefined) return `there is no ${marker.rest}`
    const shown = block.lines.map((line) => line.text).join('\n')
    return text.includes(shown.trim()) ? undefined : `${marker.rest} does not contain it, line by line`
  }
  if (marker.verb === 'not compiled,') return marker.rest === '' ? 'say why it is not compiled' : undefined
  return `"snippet: ${marker.verb}" is none of ${VERBS.join(' · ')}`
}

function pathOf(page: string, { lines, at }: Block): string {
  const name = /^\/\/ ([\w.-]+\.ts)\b/.exec(lines[0]?.text ?? '')?.[1]
  return `${page.replaceAll(/[^\w]+/g, '-')}/${name ?? `line-${at}.ts`}`
}

/** The fenced blocks of TypeScript, each with the marker on the lines directly before it. */
function blocksOf(text: string): readonly Block[] {
  const lines = text.split('\n').map((line, index) => ({ text: line, at: index + 1 }))
  const blocks: Block[] = []
  for (let start = 0; start < lines.length; start += 1) {
    const fence = /^\s*(```+)(\S*)/.exec(lines[start]!.text)
    if (fence === null) continue
    const [, marks = '', language = ''] = fence
    const length = lines.slice(start + 1).findIndex((line) => line.text.trim() === marks)
    const end = length === -1 ? lines.length : start + 1 + length
    if (/^(ts|typescript|mts|cts)$/.test(language)) {
      const inside = lines.slice(start + 1, end)
      blocks.push({ marker: markerBefore(lines, start), lines: inside, at: start + 1 })
    }
    start = end
  }
  return blocks
}

function markerBefore(lines: readonly Line[], fence: number): Marker | undefined {
  const last = fence - 1
  if (!lines[last]?.text.trimEnd().endsWith('-->')) return undefined
  let first = last
  while (first > 0 && !lines[first]!.text.startsWith('<!--')) first -= 1
  const opening = lines[first]!.text.replace(/\s*-->\s*$/, '')
  const said = /^<!-- snippet: ?(.*)$/.exec(opening)?.[1]?.trim()
  if (said === undefined) return undefined
  const verb = VERBS.find((one) => said === one || said.startsWith(`${one} `)) ?? said
  return { verb, rest: said.slice(verb.length).trim(), code: lines.slice(first + 1, last) }
}

/** What tsc says of the modules, each message with the page and line it is about. The folder of `root` has the packages. */
export function compileSnippets(modules: readonly Module[], root: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-snippets-'))
  try {
    writeModules(modules, { folder, root })
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
    const args = [compiler, '-p', folder, '--pretty', 'false']
    const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    if (status === 0) return []
    return `${stdout}${stderr}`
      .trim()
      .split('\n')
      .map((line) => told(line, modules))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function writeModules(
  modules: readonly Module[],
  { folder, root }: { readonly folder: string; readonly root: string },
): void {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  // What a snippet imports or declares for the next one on its page need not be used by itself.
  const compilerOptions = {
    noEmit: true,
    allowImportingTsExtensions: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
  }
  const files = modules.map((one) => one.path)
  const config = { extends: join(root, 'tsconfig.base.json'), compilerOptions, files }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  for (const { path, lines } of modules) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), lines.map((line) => line.text).join('\n'))
  }
}

function told(message: string, modules: readonly Module[]): string {
  const [, path, line, rest] = /^(.+?)\((\d+),\d+\): (.*)$/.exec(message) ?? []
  const module = modules.find((one) => one.path === path?.replaceAll('\\', '/'))
  const at = module?.lines[Number(line) - 1]?.at
  return module === undefined ? message : `${module.page}:${at ?? '?'}: ${rest}`
}

/** Every page that is read by users or contributors. */
export function readPages(root: string): Texts {
  const files = globSync(PAGES, { cwd: root }).map((file) => file.replaceAll('\\', '/'))
  return new Map(files.toSorted().map((file) => [file, readFileSync(join(root, file), 'utf8')]))
}

function readExample(root: string, file: string): string | undefined {
  if (!/^(examples|packages|test)\/[\w./-]+\.ts$/.test(file)) return undefined
  return globSync(file, { cwd: root }).length === 0 ? undefined : readFileSync(join(root, file), 'utf8')
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const pages = readPages(root)
  const { modules, blocks, problems } = extractSnippets(pages, (file) => readExample(root, file))
  const found = [...problems, ...compileSnippets(modules, root)]
  for (const problem of found) console.error(problem)
  console.log(`${blocks} snippets of ${pages.size} pages: ${found.length} problems.`)
  process.exitCode = found.length === 0 ? 0 : 1
}
