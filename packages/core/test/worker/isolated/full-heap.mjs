// A task that fills the heap of its thread, and a worker that V8 may end with it. Says what became of the task.
import { MemoryStore, Mill, systemPlatform } from '@millrace/core'
import { handlers, inThread } from './handlers.mjs'

const logger = { debug() {}, info() {}, warn() {}, error() {} }
const mill = new Mill(new MemoryStore({ platform: systemPlatform }), { logger })
const module = new URL('./handlers.mjs', import.meta.url)
await mill.worker({ handlers, isolates: { module } }).start()
const handle = await mill.enqueue(inThread, { act: 'fill heap' })
await handle.result({ within: '30s' }).catch(() => undefined) // it fails, and the status has all of it
const { state, reason, error, counters, history } = await handle.status()
const crashes = history.filter(({ event }) => event === 'crashed').map(({ detail }) => detail)
console.log(JSON.stringify({ state, reason, name: error?.name, code: error?.code, counters, crashes }))
await mill.close({ drain: 0 })
