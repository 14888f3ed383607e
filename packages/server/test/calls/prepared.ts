/** A stage on which the examples of the calls work. */
import { defineTask, unchecked } from '@millrace/core'
import { EXAMPLE_ID } from '../../src/service/tasks/reading.ts'
import type { Stage } from '../stage.ts'

export const greet = defineTask('greet', { input: unchecked<{ name: string }>() })

export async function prepared(stage: Stage, call = ''): Promise<void> {
  const { mill } = stage
  await stage.publish()
  await mill.enqueue(greet, { name: 'Ada' }, { id: EXAMPLE_ID })
  if (call === 'tasks.retry') await mill.tasks.cancel(EXAMPLE_ID)
  await mill.schedules.put('nightly', { task: greet, input: { name: 'Ada' }, cron: '30 2 * * *' })
}
