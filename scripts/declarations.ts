// What a built entry exports, read from its declarations as text: names, their signatures and their doc comments.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** A name that an entry exports. */
export interface Exported {
  readonly name: string
  /** Where it is declared, from the repository's root. */
  readonly file: string
  /** Its declaration, or several of an overloaded function, each with its doc comment before it. */
  readonly declarations: readonly Declaration[]
}

export interface Declaration {
  /** What the doc comment says, without its stars; undefined: there is none. */
  readonly doc: string | undefined
  /** Without the doc comment and without `export declare`. */
  readonly text: string
}

interface Statement extends Declaration {
  /** What it declares; undefined for imports and the like. */
  readonly name: string | undefined
  readonly exported: boolean
}

const root = join(import.meta.dirname, '..')
const TOKEN = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|[{}()[\];]/g
const DECLARED =
  /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:(interface|class)|function|const|type|namespace) (\w+)/

type Names = ReadonlyMap<string, Exported>

/** All that the module exports, by name; what comes from packages that are not Millrace's is left out. */
export function exportsOf(file: string): Names {
  const statements = statementsOf(readFileSync(file, 'utf8'))
  const own = declaredIn(file, statements)
  const found = new Map<string, Exported>()
  for (const { text, name, exported } of statements) {
    const one = name === undefined ? undefined : own.get(name)
    if (one !== undefined && exported) found.set(one.name, one)
    const [, list, specifier] = /^export (?:type )?(\*|\{[^}]*\})(?: from ['"]([^'"]+)['"])?/.exec(text) ?? []
    if (list === undefined) continue
    const target = specifier === undefined ? file : declarationsAt(specifier, file)
    if (target === undefined) continue
    const names = specifier === undefined ? own : exportsOf(target)
    for (const [name, one] of list === '*' ? names : picked(list, names, target)) found.set(name, one)
  }
  return found
}

function declaredIn(path: string, statements: readonly Statement[]): Names {
  const file = relative(root, path).replaceAll('\\', '/')
  const names = new Map<string, Exported>()
  for (const one of statements) {
    if (one.name === undefined) continue
    const { declarations = [] } = names.get(one.name) ?? {}
    names.set(one.name, { name: one.name, file, declarations: [...declarations, one] })
  }
  return names
}

function* picked(list: string, names: Names, target: string): Generator<[string, Exported]> {
  for (const [, name = '', alias] of list.matchAll(/(?:type )?(\w+)(?: as (\w+))?\s*[,}]/g)) {
    const one = names.get(name)
    if (one === undefined) throw new Error(`${target} does not export ${name}`)
    yield [alias ?? name, one]
  }
}

function declarationsAt(specifier: string, from: string): string | undefined {
  if (specifier.startsWith('.')) return join(dirname(from), specifier.replace(/\.[jt]s$/, '.d.ts'))
  const [, name, entry = 'index'] = /^@millrace\/([^/]+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (name === undefined) return undefined
  const base = join(root, 'packages', name, 'dist', entry)
  return existsSync(`${base}.d.ts`) ? `${base}.d.ts` : join(base, 'index.d.ts')
}

/** The statements of a file as tsc writes it. */
function statementsOf(text: string): readonly Statement[] {
  const statements: Statement[] = []
  let depth = 0
  let start: number | undefined
  let doc: string | undefined
  let from = 0
  for (const token of text.matchAll(TOKEN)) {
    const [what] = token
    start ??= startOf(text, from, token.index)
    if (start === undefined) {
      if (what.startsWith('/**')) doc = plain(what)
      from = token.index + what.length
      continue
    }
    if (/^[{([]$/.test(what)) depth++
    if (/^[})\]]$/.test(what)) depth--
    const end = token.index + what.length
    if (depth > 0 || !ends(what, text.slice(start, end))) continue
    statements.push(statement(text.slice(start, end), doc))
    start = doc = undefined
    from = end
  }
  return statements
}

/** Where a statement begins between a token and the next one, which may be its first; comments begin none. */
function startOf(text: string, from: number, to: number): number | undefined {
  const between = text.slice(from, to)
  return between.trim() === '' ? undefined : from + between.search(/\S/)
}

function ends(token: string, statement: string): boolean {
  return token === ';' || (token === '}' && DECLARED.exec(statement)?.[2] !== undefined)
}

function statement(text: string, doc: string | undefined): Statement {
  const [, exported, , name] = DECLARED.exec(text) ?? []
  const signature = text.replace(/^export /, '').replace(/^declare /, '')
  return { name, exported: exported !== undefined, doc, text: name === undefined ? text : signature }
}

function plain(comment: string): string {
  return comment
    .replace(/^\/\*\*\s?|\s*\*\/$/g, '')
    .replaceAll(/^\s*\* ?/gm, '')
    .trim()
}
