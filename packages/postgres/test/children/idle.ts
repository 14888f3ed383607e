/** Opens a store, uses it, listens, and has nothing else to do. */
import process from 'node:process'
import { PostgresStore } from '@millrace/postgres'
import { groups } from '../../../sqlite/test/specs.ts'

const store = new PostgresStore({ url: process.argv[2]!, schema: process.argv[3] })
await store.open()
await store.add({ groups: groups(1), again: false })
const hints = store.watch()
await hints.next()
void hints.next()
process.stdout.write('idle\n')
