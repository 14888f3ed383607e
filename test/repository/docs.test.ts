import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'

import { compileSnippets, extractSnippets, readPages } from '../../scripts/snippets.ts'

const root = join(import.meta.dirname, '../..')
const nothing = (): undefined => undefined

describe('the snippets of a page', () => {
  const extract = (...lines: readonly string[]) =>
    extractSnippets(new Map([['docs/page.md', lines.join('\n')]]), (file) =>
      file === 'examples/a.ts' ? 'const a = 1\nconst b = 2\n' : undefined,
    )
  const texts = (found: ReturnType<typeof extract>) =>
    found.modules.map((one) => one.lines.map((line) => line.text).join('|'))

  test('are modules of their own, or continue the one before; others are left alone', () => {
    const found = extract(
      '```ts\none\n```',
      '```sh\nls\n```',
      '<!-- snippet: continues\nhidden\n-->',
      '```ts\ntwo\n```',
      '<!-- snippet: assumes\ndeclare\n-->',
      '```ts\n// named.ts\nthree\n```',
    )
    expect(texts(found)).toEqual(['one|hidden|two', 'declare|// named.ts|three'])
    expect(found.modules.map((one) => one.path)).toEqual(['docs-page-md/line-1.ts', 'docs-page-md/named.ts'])
    expect(found.problems).toEqual([])
  })

  test('that are part of a file have to be in it', () => {
    const found = extract(
      '<!-- snippet: part of examples/a.ts -->\n```ts\nconst b = 2\n```',
      '<!-- snippet: part of examples/a.ts -->\n```ts\nconst b = 3\n```',
      '<!-- snippet: part of examples/b.ts -->\n```ts\nconst b = 2\n```',
    )
    expect(found.modules).toEqual([])
    expect(found.problems).toEqual([
      'docs/page.md:6: examples/a.ts does not contain it, line by line',
      'docs/page.md:10: there is no examples/b.ts',
    ])
  })

  test.each([
    ['<!-- snippet: continues -->\n```ts\na\n```', 'it continues a block'],
    ['<!-- snippet: skip -->\n```ts\na\n```', '"snippet: skip" is none of'],
    ['<!-- snippet: not compiled, -->\n```ts\na\n```', 'say why'],
    ['```ts\n// a.ts\n```\n```ts\n// a.ts\n```', 'already'],
  ])('a marker that cannot be right is a problem: %j', (page, problem) => {
    expect(extract(page).problems.join()).toContain(problem)
  })

  test('are compiled, and what is wrong is told by page and line', { timeout: 60_000 }, () => {
    const text = [
      '<!-- snippet: assumes',
      "import { defineTask, unchecked } from 'millrace'",
      '-->',
      '```ts',
      '// task.ts',
      "export const greet = defineTask('greet', { input: unchecked<string>() })",
      '```',
      '```ts',
      "import { greet } from './task.ts'",
      'greet.with(1)',
      '```',
    ].join('\n')
    const { modules } = extractSnippets(new Map([['docs/page.md', text]]), nothing)
    const problems = compileSnippets(modules, root)
    expect(problems[0]).toMatch(/^docs\/page\.md:10: error TS\d+/)
    expect(problems.filter((line) => line.startsWith('docs/'))).toHaveLength(1)
  })
})

const pages = readPages(root)

test('links between pages lead somewhere', () => {
  const broken: string[] = []
  for (const [page, text] of pages) {
    for (const [, target = ''] of withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path).replaceAll('\\', '/')
      if (!existsSync(join(root, file))) broken.push(`${page}: ${target}`)
      else if (anchor !== undefined && !anchorsOf(pages.get(file) ?? '').includes(anchor))
        broken.push(`${page}: ${target}, there is no such heading`)
    }
  }
  expect(pages.size).toBeGreaterThan(30)
  expect(broken).toEqual([])
})

test('each page of the guide says where to go on, and is in its list', () => {
  const guide = [...pages].filter(([page]) => page.startsWith('docs/guide/') && !page.endsWith('README.md'))
  const list = pages.get('docs/guide/README.md')!
  expect(guide.length).toBeGreaterThan(5)
  const wanting = guide.filter(([page, text]) => {
    const last = text.slice(text.lastIndexOf('\n## '))
    const listed = list.includes(`](${page.slice('docs/guide/'.length)})`)
    return !listed || !/^\n## Where to go on\n[^]*\]\(/.test(last)
  })
  expect(wanting.map(([page]) => page)).toEqual([])
})

test('pictures have the shape of one', () => {
  const pictures = [...pages].flatMap(([page, text]) =>
    [...text.matchAll(/^```mermaid\n([^]*?)^```$/gm)].map(([, picture = '']) => ({ page, picture })),
  )
  expect(pictures.length).toBeGreaterThan(3)
  const wrong = pictures.flatMap(({ page, picture }) => misshapen(picture).map((line) => `${page}: ${line}`))
  expect(wrong).toEqual([])
})

/** Lines of a Mermaid picture that are none of its kind; a kind that is not known here is none. */
function misshapen(picture: string): readonly string[] {
  const [kind = '', ...lines] = picture.trimEnd().split('\n')
  const shape = SHAPES[kind]
  const names = lines.flatMap((line) => /^ {2}participant (\w+) as /.exec(line)?.[1] ?? [])
  const strange = lines.filter((line) => {
    const ends =
      /^ {2}(\w+)-?->>(\w+): /.exec(line)?.slice(1) ?? /^ {2}Note over (\w+): /.exec(line)?.slice(1)
    return shape?.test(line) !== true || ends?.some((name) => !names.includes(name)) === true
  })
  return lines.length === 0 ? [picture] : strange
}

// A semicolon would end a statement of Mermaid in the middle of its text, and `end` a block.
const SHAPES: Readonly<Record<string, RegExp>> = {
  sequenceDiagram: /^ {2}(participant \w+ as [\w ]+|\w+--?>>\w+: [^;#]+|Note over \w+(,\w+)?: [^;#]+)$/,
  'stateDiagram-v2': /^ {2}(\[\*\]|\w+) --> (\[\*\]|\w+)(: [^;#:]+)?$/,
  'flowchart LR': /^ {2}\w+(\[[^\]"()]+\]|\{[^}"()]+\})? (-->|-- \w+ -->) \w+(\[[^\]"()]+\]|\{[^}"()]+\})?$/,
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): readonly string[] {
  return [...text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  )
}
