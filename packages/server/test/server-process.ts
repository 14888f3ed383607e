/** A server in a process of its own, before a SQLite file: `server-process.ts PATH`. It says its port to its parent, and looks after the store. */
import { SqliteStore } from '../../sqlite/src/index.ts'
import { serve } from './harness.ts'

const store = new SqliteStore({ path: process.argv[2]! })
await store.open()
const served = await serve(store)
await served.parts.mill['~served'].startUpkeep()
// it goes with its parent
process.on('disconnect', () => process.exit(0))
process.send!(served.port)
