import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { exportsOf, type Exported } from '../../scripts/declarations.ts'
import { referencePages, undocumented } from '../../scripts/reference.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-reference-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(files: Record<string, string>): ReadonlyMap<string, Exported> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return exportsOf(join(folder, 'index.d.ts'))
}

test('reads names, signatures and doc comments, behind the index too', () => {
  const names = read({
    'index.d.ts': `/** The header of the file. */\nimport type { Z } from 'z';\nexport { wait, type Until } from './wait.ts';\nexport * from './more.ts';\n`,
    'wait.d.ts': `/** For \`ms\`. */
export declare function wait(ms: number): void;
/** For a time; a string may hold a ';' or a '}'. */
export declare function wait(time: '1;' | '}'): void;
/** Until then. */
export type Until = {
    readonly at: number;
}
/** Or never. */
 | {
    readonly never: true;
};
export declare const hidden: number;
`,
    'more.d.ts': `interface Own {\n    a: 1;\n}\nexport declare class Many {\n    /** Of one. */\n    one(): Own;\n}\nexport { type Own };\n`,
  })
  expect(new Set(names.keys())).toEqual(new Set(['wait', 'Until', 'Many', 'Own']))
  expect(names.get('wait')?.declarations).toEqual([
    { name: 'wait', exported: true, doc: 'For `ms`.', text: 'function wait(ms: number): void;' },
    {
      name: 'wait',
      exported: true,
      doc: "For a time; a string may hold a ';' or a '}'.",
      text: "function wait(time: '1;' | '}'): void;",
    },
  ])
  expect(names.get('Until')?.declarations[0]?.text).toMatch(/^type Until = \{[\s\S]*never: true;\n\};$/)
  expect(undocumented(names).map((sentence) => sentence.split(' ')[0])).toEqual(['Many', 'Own'])
})

test('an overload with a doc comment is enough; a comment before another statement is none', () => {
  const names = read({
    'index.d.ts': `export declare function a(x: 1): void;\n/** Said. */\nexport declare function a(x: 2): void;\n/** Of b. */\ndeclare const b: 1;\nexport declare const c: typeof b;\n`,
  })
  expect(undocumented(names).map((sentence) => sentence.split(' ')[0])).toEqual(['c'])
})

test('puts each name on the page of its room, once, and refuses what has none', () => {
  const one = (name: string, file: string): Exported => ({
    name,
    file,
    declarations: [
      { doc: `What ${name} is.\n@throws Oops if\n  it must`, text: `class ${name} {\n    #private;\n}` },
    ],
  })
  const names = new Map([
    ['Zeta', one('Zeta', 'packages/core/dist/task/errors.d.ts')],
    ['alpha', one('alpha', 'packages/core/dist/task/errors.d.ts')],
  ])
  const pages = referencePages(
    new Map([
      ['millrace', names],
      ['millrace/redis', names],
    ]),
  )
  const page = pages.get('errors.md') ?? ''
  expect(page.match(/^## .*$/gm)).toEqual(['## alpha', '## Zeta'])
  expect(page).toContain('What Zeta is.\n\n- *throws* Oops if it must\n\n```tsx\nclass Zeta {\n}\n```')
  const homeless = new Map([['x', one('x', 'packages/core/dist/upkeep/x.d.ts')]])
  expect(() => referencePages(new Map([['millrace', homeless]]))).toThrow(
    'x of core/upkeep/x.d.ts has no room',
  )
})
