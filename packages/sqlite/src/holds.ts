/** What becomes of a task's hold on its unique key when it is saved or removed. */
import { readKeyTerms, STATE } from '@millrace/core/store'
import { DROP_WINDOW, KEY_HELD, SET_KEY } from './statements/keys.ts'
import type { Pass } from './home.ts'
import type { Draft, Task } from './tasks.ts'

/** One that holds its key while it waits, and waits again, takes it again if nobody else has it. */
export function keepKey(pass: Pass, { task, before }: Draft): void {
  if (task.keyTerms === null || !isWaiting(task) || isWaiting(before)) return
  const { mode, key } = readKeyTerms(task.keyTerms)
  if (mode !== 'wait') return
  if (before.owner !== null) {
    pass.returning.push({ seq: task.seq, key })
    return
  }
  const held = isFree(pass, key) ? key : null
  if (held !== task.uniqueKey) pass.database.run(SET_KEY, held, task.seq)
  task.uniqueKey = held
}

function isFree({ database }: Pass, key: string): boolean {
  return database.get(KEY_HELD, key) === undefined
}

/** Those that ran and came back take their keys again, in their order, when all has ended that is to. */
export function takeKeys(pass: Pass): void {
  for (const { seq, key } of pass.returning.splice(0))
    if (isFree(pass, key)) pass.database.run(SET_KEY, key, seq)
}

/** To be claimed, at some time. */
function isWaiting({ state, owner }: Task): boolean {
  return (state === STATE.blocked || state === STATE.pending) && owner === null
}

/** Nobody was promised the task: it takes its window along. */
export function dropWindow({ database }: Pass, { id, keyTerms }: Task): void {
  if (keyTerms === null) return
  const { mode, key } = readKeyTerms(keyTerms)
  if (mode === 'time') database.run(DROP_WINDOW, key, Buffer.from(id, 'hex'))
}
