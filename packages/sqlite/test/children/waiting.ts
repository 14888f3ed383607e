/** Makes a call that has to wait for a lock, does not wait for it, and says when it could have ended long ago. */
import process from 'node:process'
import { SqliteStore } from '@millrace/sqlite'
import { groups } from '../specs.ts'

const store = new SqliteStore({ path: process.argv[2]! })
await store.open()
void store.add({ groups: groups(1), again: false }).then(() => process.stdout.write('added\n'))

// A process ends with the first turn of its event loop that finds nothing to hold it, and this timer holds nothing.
let turns = 0
const turning = setInterval(() => {
  turns += 1
  if (turns < 100) return
  clearInterval(turning)
  process.stdout.write('still here\n')
}, 1).unref()
