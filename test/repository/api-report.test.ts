import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { apiReport } from '../../scripts/api-report.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-api-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(files: Record<string, string>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, 'index.d.ts')
}

test('follows relative imports, the entry first and the others by path, each once', () => {
  const entry = write({
    'index.d.ts': `export { z } from './z.ts';\nexport type { A } from './a/a.ts';\n//# sourceMappingURL=index.d.ts.map`,
    'z.d.ts': `import type { A } from './a/a.ts';\nexport declare const z: A;\n`,
    'a/a.d.ts': `import type { z } from '../z.ts';\nexport interface A { readonly z: import('../b.js').B }\n`,
    'b.d.ts': `export type B = string;\n`,
    'private.d.ts': `export type Private = string;\n`,
  })
  const report = apiReport(entry)
  const names = [...report.matchAll(/^\/\/ ---- (.*)$/gm)].map(([, name]) => name)
  expect(names).toEqual(['index.d.ts', 'a/a.d.ts', 'b.d.ts', 'z.d.ts'])
  expect(report).not.toContain('sourceMappingURL')
})

test('sees a change behind the index', () => {
  const files = { 'index.d.ts': `export * from './a.ts';\n`, 'a.d.ts': `export type A = 1;\n` }
  const before = apiReport(write(files))
  expect(apiReport(write({ ...files, 'a.d.ts': `export type A = 2;\n` }))).not.toBe(before)
})
