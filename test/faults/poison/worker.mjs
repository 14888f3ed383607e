// A worker on the store that is named, until nothing is left to do.
import process from 'node:process'
import { connect } from 'millrace'
import { storeOf } from '../rig/store-of.ts'
import { wounded } from '../rig/wounds.ts'
import { handlers } from './handlers.mjs'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const [, , url, wound] =
  /** @type {[string, string, string, import('../rig/wounds.ts').WoundName | undefined]} */ (process.argv)
const store = wound === undefined ? url : { '~store': () => wounded(storeOf(url), wound) }
const mill = await connect(store, { logger: silent })
const worker = mill.worker({
  handlers,
  lease: '1s',
  concurrency: 8,
  isolates: { module: new URL('./handlers.mjs', import.meta.url) },
})
await worker.run({ until: 'idle' })
await mill.close()
