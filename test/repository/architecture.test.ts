import { join } from 'node:path'
import { expect, test } from 'vitest'

import { checkArchitecture, readSources } from '../../scripts/architecture.ts'

const problemsOf = (sources: Record<string, string>) => checkArchitecture(new Map(Object.entries(sources)))

const broken: readonly (readonly [rule: string, file: string, code: string, problem: RegExp])[] = [
  ['core knows no other package', 'core/src/a.ts', `import { x } from '@millrace/sqlite'`, /must not know/],
  [
    'core does not import itself by name',
    'core/src/a.ts',
    `import { x } from '@millrace/core'`,
    /must not know/,
  ],
  ['core does not know what users install', 'core/src/a.ts', `export * from 'millrace'`, /must not know/],
  ['sqlite knows core alone', 'sqlite/src/a.ts', `import { x } from 'millrace'`, /must not know/],
  ['sqlite has no other dependency', 'sqlite/src/a.ts', `import x from 'left-pad'`, /must not know/],
  ['a new package gets its rule first', 'kafka/src/a.ts', `import '@millrace/core'`, /must not know/],
  [
    'packages are imported by name',
    'sqlite/src/a.ts',
    `import { x } from '../../core/src/a.ts'`,
    /leaves the package/,
  ],
  [
    'imports over several lines count',
    'core/src/a.ts',
    `import {\n  x,\n} from '@millrace/sqlite'`,
    /must not know/,
  ],
  ['dynamic imports count', 'core/src/a.ts', `const x = await import('@millrace/sqlite')`, /must not know/],
  ['policies import no client', 'core/src/policy/a.ts', `import { x } from '../client/a.ts'`, /only tasks/],
  [
    'policies import no type of it either',
    'core/src/policy/a.ts',
    `import type { X } from '../client/a.ts'`,
    /only tasks/,
  ],
  [
    'policies import no values of the store',
    'core/src/policy/a.ts',
    `import { x } from '../store/port.ts'`,
    /values from/,
  ],
  [
    'policies know no implementation',
    'core/src/policy/a.ts',
    `import type { X } from '../store/memory/a.ts'`,
    /only tasks/,
  ],
  ['policies have no dependency', 'core/src/policy/a.ts', `import { x } from 'node:fs'`, /only tasks/],
  ['croner is for cron alone', 'core/src/policy/a.ts', `import { Cron } from 'croner'`, /only tasks/],
  ['core reads no clock', 'core/src/task/a.ts', `const now = new Date()`, /reads the clock/],
  ['core reads no clock without brackets', 'core/src/task/a.ts', `const now = new Date;`, /reads the clock/],
]

test.each(broken)('refuses: %s', (_rule, file, code, problem) => {
  const problems = problemsOf({ [`packages/${file}`]: code })
  expect(problems).toHaveLength(1)
  expect(problems[0]).toMatch(problem)
})

test.each(['conformance', 'model', 'simulation', 'testing'])(
  'refuses an index that reaches %s over other files',
  (folder) => {
    const problems = problemsOf({
      'packages/core/src/index.ts': `export { mill } from './client/mill.ts'`,
      'packages/core/src/client/mill.ts': `import type { Case } from '../${folder}/index.ts'`,
      [`packages/core/src/${folder}/index.ts`]: `export interface Case {}`,
    })
    expect(problems).toEqual([
      `packages/core/src/index.ts: reaches index.ts → client/mill.ts → ${folder}/index.ts`,
    ])
  },
)

const fine: readonly (readonly [what: string, file: string, code: string])[] = [
  ['core and Node', 'sqlite/src/a.ts', `import 'node:sqlite'\nimport { x } from '@millrace/core/store'`],
  [
    'tasks and store types in a policy',
    'core/src/policy/a.ts',
    `import { x } from '../task/a.ts'\nimport type { Y } from '../store/port.ts'`,
  ],
  ['croner in policy/cron', 'core/src/policy/cron.ts', `import { Cron } from 'croner'`],
  ['a date that is given', 'core/src/task/a.ts', `const at = new Date(atMs)`],
  ['the clock in platform/', 'core/src/platform/clock.ts', `const now = new Date()`],
  ['comments', 'core/src/a.ts', `// import { x } from '@millrace/sqlite'\n/* new Date() */\n * `],
  ['the word in a string', 'core/src/a.ts', `const text = 'taken from here'`],
]

test.each(fine)('allows: %s', (_what, file, code) => {
  expect(problemsOf({ [`packages/${file}`]: code })).toEqual([])
})

test('the repository keeps the rules', () => {
  const sources = readSources(join(import.meta.dirname, '../..'))
  expect(sources.size).toBeGreaterThan(3)
  expect(checkArchitecture(sources)).toEqual([])
})
