/** What is no configuration does not compile. */
import { connect, defineConfig } from '../src/index.ts'

const config = defineConfig({
  store: 'sqlite:millrace.db',
  namespace: 'default',
  handlers: ['./src/handlers.ts'],
  worker: { concurrency: 3, queues: { media: 20 }, lease: '30s', isolates: { threads: 2 } },
  plugins: [{ name: 'trace', run: (_, next) => next() }],
  logger: console,
})
void connect(config.store, { namespace: config.namespace, logger: config.logger })

// @ts-expect-error a slip
defineConfig({ stoer: 'memory:' })
// @ts-expect-error handlers are named by their modules
defineConfig({ worker: { handlers: [] } })
// @ts-expect-error no duration
defineConfig({ worker: { lease: '30 seconds' } })
// @ts-expect-error the modules of isolates are those of the handlers
defineConfig({ worker: { isolates: { module: './src/handlers.ts' } } })
