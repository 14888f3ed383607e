/** What compiles of edits, of following tasks, and of dead letters; each expected error is a promise to users. */
import { defineTask, unchecked, type DeadLetter, type Mill } from '../../src/index.ts'

declare const mill: Mill

const thumbnail = defineTask('thumbnail', {
  input: unchecked<{ path: string }>(),
  output: unchecked<{ width: number }>(),
})

export async function edits(): Promise<void> {
  const handle = mill.handle(thumbnail, 'an id')
  const outcome: 'edited' | 'refused' = await handle.edit({ input: { path: 'b.png' }, priority: 'high' })
  await handle.edit({ runAt: new Date(), input: undefined })
  // @ts-expect-error -- a path is a text
  await handle.edit({ input: { path: 1 } })
  // @ts-expect-error -- misspelled
  await handle.edit({ prio: 'high' })
  // @ts-expect-error -- no such level
  await handle.edit({ priority: outcome })
  await mill.tasks.edit('an id', { input: 1, runAt: 5 })
  // @ts-expect-error -- one task at a time
  await mill.tasks.edit(['an id'], { runAt: 5 })
  await mill.tasks.cancel({ metadata: { tenant: 'a' }, text: 'x' }, { preview: true, reason: 'r' })
  // @ts-expect-error -- metadata are texts
  await mill.tasks.list({ metadata: { tenant: 1 } })
}

export async function following(): Promise<void> {
  const handle = mill.handle(thumbnail, 'an id')
  const settled = await handle.settled({ within: '1s' })
  // @ts-expect-error -- only of a success
  void settled.result
  if (settled.outcome === 'succeeded') void settled.result.width
  else void settled.error.message
  for await (const update of handle.updates()) {
    if (update.type === 'log') void update.level
    // @ts-expect-error -- lines have no fraction
    if (update.type === 'log') void update.fraction
  }
  for await (const event of mill.events({ types: ['task.failed', 'task.cancelled'] })) {
    if (event.type === 'gap') void event.missed.toFixed()
    else void event.task.id
    const type: 'gap' | 'task.failed' | 'task.cancelled' = event.type
    void type
    // @ts-expect-error -- it was not asked for
    if (event.type === 'task.succeeded') void event
  }
  // @ts-expect-error -- there are no such events
  mill.events({ types: ['task.started'] })
}

const mourn = defineTask('mourn', { input: unchecked<DeadLetter>() })
const part = defineTask('part', { input: unchecked<{ id: string; tags: readonly string[] }>() })
defineTask('a', { input: unchecked<string>(), deadLetter: mourn })
defineTask('b', { input: unchecked<string>(), deadLetter: part })
// @ts-expect-error -- it takes no dead letter
defineTask('c', { input: unchecked<string>(), deadLetter: thumbnail })
const more = defineTask('more', { input: unchecked<DeadLetter & { more: 1 }>() })
// @ts-expect-error -- a dead letter does not have all of that
defineTask('d', { input: unchecked<string>(), deadLetter: more })
