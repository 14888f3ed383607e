import './scripts/node-guard.mjs'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/sequence.ts'

const source = '@millrace/source'
const built = new URL('./test/built/hook.mjs', import.meta.url).href

export default defineConfig({
  // Tests run the sources of the packages, not what was built last.
  resolve: { conditions: [source] },
  // Without `import`: Node gets these conditions, too, and a require() of pg's would find modules where it needs functions.
  ssr: { resolve: { conditions: [source, 'node', 'default'] } },
  test: {
    pool: 'forks',
    // Most files wait half of the time: for servers, processes, leases.
    maxWorkers: availableParallelism() + 1,
    sequence: { sequencer: LongestFirst },
    // The threads and processes that a test starts run what was built.
    globalSetup: ['test/built/setup.ts'],
    execArgv: [`--import=${built}`],
    env: { NODE_OPTIONS: `--import=${built}` },
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    exclude: ['**/node_modules/**', '**/dist/**'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    teardownTimeout: 20_000,
  },
})
