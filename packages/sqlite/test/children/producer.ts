/** Adds tasks in batches and says after each what was answered, until its end. */
import process from 'node:process'
import { SqliteStore } from '@millrace/sqlite'
import { group, spec } from '../specs.ts'

const [, , path, batches, size] = process.argv
const store = new SqliteStore({ path: path! })
await store.open()
for (let batch = 0; batch < Number(batches); batch++) {
  const tasks = Array.from({ length: Number(size) }, () => spec())
  process.stdout.write(`${tasks.map(({ id }) => `trying ${id}`).join('\n')}\n`)
  await store.add({ groups: tasks.map((task) => group(task)), again: false })
  process.stdout.write(`${tasks.map(({ id }) => `added ${id}`).join('\n')}\n`)
}
await store.close()
