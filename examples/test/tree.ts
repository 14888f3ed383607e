/** A folder of odd files, and its catalogue computed in another way than the example does. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

export class Place implements Disposable {
  readonly path: string

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Always the same bytes, which no packing makes small. */
export function noise(size: number, seed: number): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i * 32 < size; i++) parts.push(createHash('sha256').update(`${seed} ${i}`).digest())
  return Buffer.concat(parts).subarray(0, size)
}

const MARKDOWN = [
  '# One [link](a)',
  'Text with [two](b) links ![image](c) and [not one] (d)',
  '####### seven is none',
  '#none',
  '```js',
  '# fenced [link](e)',
  '~~~',
  '[still](f) fenced',
  '````',
  '## Two\r',
  '~~~~',
  '```',
  '# fenced again',
  '~~~',
  '~~~~~',
  '###### Six [x](<y> "t") [z](u)',
  '```one line```  [after](it)',
  '[[[[[[ ]( [open](',
  '### last, no newline',
].join('\n')

/** Files of every odd kind; the folder is made. */
export function makeTree(folder: string): void {
  const at = (name: string | Buffer, content: string | Buffer): void => {
    const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)])
    mkdirSync(path.subarray(0, path.lastIndexOf('/')), { recursive: true })
    writeFileSync(path, content)
  }
  at('empty', '')
  at('blank', ' \t\n\v\f\r ')
  at('no newline at the end', 'one two')
  at('windows.txt', 'one\r\ntwo three\r\n')
  at('README.md', MARKDOWN)
  at('docs/upper.MD', '# no heading here')
  at('docs/.hidden.md', '# hidden\n[a](b)\n')
  at('docs/line.md', `# long [${'x'.repeat(3_000)}](y)`)
  at('zeros.bin', Buffer.alloc(300_000))
  at('noise.bin', noise(700_000, 1))
  at('line\nbreak "quoted" \\ \u001b[31m', 'a name is any bytes\n')
  at(Buffer.from('caf\u00e9 \u{1f600}', 'utf8'), 'UTF-8')
  at(Buffer.from('latin-\xe9', 'latin1'), 'no UTF-8')
  at(Buffer.from('latin-\xe8/\xff.md', 'latin1'), '# no UTF-8\n')
  at('one/package.json', '{}')
  at('one/src/index.js', 'export {}\n')
  at('one/node_modules/two/package.json', '{}')
  at('one/node_modules/two/lib/a/b/c.js', 'c')
  at('none/package.json/file', 'a folder by that name is no package')
  mkdirSync(join(folder, 'nothing in it'))
  symlinkSync('nowhere', join(folder, 'dangling'))
  symlinkSync('.', join(folder, 'loop'))
  symlinkSync('README.md', join(folder, 'linked.md'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
}

/** Many small files in some packages, and an empty one beside them; the folder is made. */
export function makeManyFiles(folder: string, count: number): void {
  mkdirSync(folder)
  writeFileSync(join(folder, 'empty'), '')
  for (let i = 0; i < count; i++) {
    const pack = join(folder, `package-${i % 40}`)
    if (i < 40) {
      mkdirSync(pack)
      writeFileSync(join(pack, 'package.json'), '{}')
    }
    writeFileSync(join(pack, `file-${i}.md`), `# File ${i}\n\n${noise(i % 700, i).toString('base64')}\n`)
  }
}

/** The catalogue, worked out file by file and held in memory. */
export function expectedCatalogue(folder: string, chosen: (name: string) => boolean = () => true): object {
  const total = { files: 0, bytes: 0, lines: 0, words: 0, gzipBytes: 0, headings: 0, links: 0 }
  const packages = new Set<string>()
  const digests: [path: string, sha256: string][] = []
  for (const path of regularFiles(Buffer.from(folder), chosen)) {
    const content = readFileSync(path)
    const below = path.subarray(Buffer.byteLength(folder) + 1).toString('latin1')
    digests.push([below, createHash('sha256').update(content).digest('hex')])
    packages.add(packageOf(folder, below))
    total.files += 1
    total.bytes += content.length
    total.lines += content.filter((byte) => byte === 10).length
    total.words += content.toString('latin1').match(/[^ \t\n\v\f\r]+/g)?.length ?? 0
    total.gzipBytes += gzipSync(content).length
    if (!below.endsWith('.md')) continue
    const text = unfenced(content.toString('latin1'))
    total.headings += text.filter((line) => /^#{1,6} /.test(line)).length
    for (const line of text) total.links += line.match(/\[[^[\]]*\]\([^)]*\)/g)?.length ?? 0
  }
  digests.sort(([a], [b]) => (a < b ? -1 : 1))
  const lines = digests.map(([path, sha256]) => `${sha256}  ${path}\n`).join('')
  const digest = createHash('sha256').update(lines, 'latin1').digest('hex')
  return { ...total, packages: packages.size, failed: 0, digest }
}

function regularFiles(folder: Buffer, chosen: (name: string) => boolean): Buffer[] {
  return readdirSync(folder, { encoding: 'buffer' }).flatMap((name) => {
    const path = Buffer.concat([folder, Buffer.from('/'), name])
    const stats = lstatSync(path)
    if (stats.isDirectory()) return regularFiles(path, chosen)
    return stats.isFile() && chosen(String(name)) ? [path] : []
  })
}

function packageOf(folder: string, below: string): string {
  const steps = below.split('/').slice(0, -1)
  for (let depth = steps.length; depth > 0; depth--) {
    const owner = steps.slice(0, depth).join('/')
    const file = Buffer.from(`${owner}/package.json`, 'latin1')
    const path = Buffer.concat([Buffer.from(`${folder}/`), file])
    if (existsSync(path) && !lstatSync(path).isDirectory()) return owner
  }
  return ''
}

/** The lines outside fenced code. */
function unfenced(text: string): string[] {
  const outside: string[] = []
  let fence: string | undefined
  for (const line of text.split('\n')) {
    const marks = /^\s*(```+|~~~+)(.*)$/.exec(line.replace(/\r$/, ''))
    if (fence === undefined && marks !== null && !(marks[1]!.startsWith('`') && marks[2]!.includes('`')))
      fence = marks[1]
    else if (fence === undefined) outside.push(line)
    else if (marks !== null && marks[2]!.trim() === '' && marks[1]!.startsWith(fence)) fence = undefined
  }
  return outside
}
