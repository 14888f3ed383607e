/** Makes a call that has to wait for a lock, and does not wait for it. */
import process from 'node:process'
import { SqliteStore } from '@millrace/sqlite'
import { groups } from '../specs.ts'

const store = new SqliteStore({ path: process.argv[2]! })
await store.open()
void store.add({ groups: groups(1), again: false }).then(() => process.stdout.write('added\n'))
