/** Adds tasks in batches and says after each what was answered, until its end. */
import process from 'node:process'
import { PostgresStore } from '@millrace/postgres'
import { group, spec } from '../../../sqlite/test/specs.ts'

const [, , url, schema, batches, size] = process.argv
const store = new PostgresStore({ url: url!, schema })
await store.open()
for (let batch = 0; batch < Number(batches); batch++) {
  const tasks = Array.from({ length: Number(size) }, () => spec())
  process.stdout.write(`${tasks.map(({ id }) => `trying ${id}`).join('\n')}\n`)
  await store.add({ groups: tasks.map((task) => group(task)), again: false })
  process.stdout.write(`${tasks.map(({ id }) => `added ${id}`).join('\n')}\n`)
}
await store.close()
