/** Who holds which unique key: tasks, for as long as they live or wait, and windows, whatever becomes of theirs. */
import { detailOfReplaced, isWindow, readKeyTerms, REPLACED } from '@millrace/core/store'
import { idBytes, idFromHex } from './codes.ts'
import { move } from './moves.ts'
import { BEGIN_WINDOW, KEY_HOLDER, KEY_TERMS, OPEN_WINDOW } from './statements/keys.ts'
import { draftOf, save, seqOf } from './tasks.ts'
import type { TaskId, TaskSpec, UniqueSpec } from '@millrace/core/store'
import type { Pass } from './home.ts'

/** The task that holds the key which a newcomer asks for. */
export function holderOf({ database, now }: Pass, unique: UniqueSpec): TaskId | undefined {
  const row = isWindow(unique)
    ? database.get<[string]>(OPEN_WINDOW, unique.key, now)
    : database.get<[string]>(KEY_HOLDER, unique.key)
  return row === undefined ? undefined : idFromHex(row[0])
}

/** Cancels who holds the key of a newcomer that is to take its place. */
export function replace(pass: Pass, { id, unique }: TaskSpec): TaskId | null {
  const holder = unique?.then === 'replace' ? holderOf(pass, unique) : undefined
  const seq = holder === undefined ? undefined : seqOf(pass, holder)
  const draft = seq === undefined ? undefined : draftOf(pass, seq)
  if (draft === undefined) return null
  if (move(pass, draft, { operation: 'replace', detail: detailOfReplaced(id) }) === null) return null
  draft.task.cancel = JSON.stringify({ reason: REPLACED, at: pass.now })
  save(pass, draft)
  return holder!
}

/** From now on, if the newcomer asks for that. */
export function beginWindow({ database, now }: Pass, { id, unique }: TaskSpec): void {
  if (unique === null || !isWindow(unique)) return
  database.run(BEGIN_WINDOW, unique.key, idBytes(id), now + unique.while.withinMs)
}

/** Whom a task replaced when it was enqueued. */
export function replacedBy({ database }: Pass, seq: number): TaskId | null {
  const [terms] = database.get<[string | null]>(KEY_TERMS, seq)!
  return terms === null ? null : readKeyTerms(terms).replaced
}
