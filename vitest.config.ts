import './scripts/node-guard.mjs'
import { defineConfig } from 'vitest/config'

const source = '@millrace/source'

export default defineConfig({
  // Tests run the sources of the packages, not what was built last.
  resolve: { conditions: [source] },
  ssr: { resolve: { conditions: [source, 'node', 'import', 'default'] } },
  test: {
    pool: 'forks',
    // The threads and processes that a test starts inherit this, and so resolve the packages to their sources too.
    execArgv: [`--conditions=${source}`],
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
