/** Enqueues a task, and starts a worker if it is told to; prints what became of it. */
import { connect } from 'millrace'
import { greet, greeting } from './handlers.mts'

async function produce([store, work]: readonly string[]): Promise<string> {
  await using mill = await connect(store)
  const { outcome } = await mill.enqueue(greet, { name: 'Ada' })
  if (work === 'work') await mill.worker({ handlers: greeting }).start()
  return outcome
}

produce(process.argv.slice(2)).then(console.log, (error: Error & { readonly hint?: string }) =>
  console.log(`${error.message} ${error.hint}`),
)
