/** Values that are hidden are not to be found out by looking for the tasks that have them. */
import { isDeepStrictEqual } from 'node:util'
import { AccessError } from '@millrace/core'
import { AS_IT_IS, type ShownPlace } from './redaction.ts'
import type { Scene } from './call.ts'

/** What a filter says of values. */
export interface ValueFilter {
  readonly queue?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly text?: string | undefined
}

/**
 * Lets a filter through that looks for what its caller is shown.
 *
 * @throws AccessError `forbidden`
 */
export function checkSearch(
  { queue, type, tag, metadata, text }: ValueFilter,
  { redact, caller }: Pick<Scene, 'redact' | 'caller'>,
): void {
  if (redact === AS_IT_IS) return
  // it is looked for in whatever a task has, of which nobody can say ahead what is shown
  if (text !== undefined) throw hidden('text', 'Name its state, queue and type, a tag or metadata.')
  if (tag === undefined && metadata === undefined) return
  const what = metadata === undefined ? 'tag' : 'metadata'
  if (queue === undefined || type === undefined)
    throw hidden(what, 'Name the queue and the type, too: what is hidden may depend on them.')
  const isShown = (value: unknown, of: ShownPlace['what']): boolean =>
    isDeepStrictEqual(redact(value, { what: of, type, queue, caller: caller.name }), value)
  if (tag !== undefined && !isShown([tag], 'tags')) throw hidden('tag', SHOWN_ONLY)
  if (metadata !== undefined && !isShown({ ...metadata }, 'metadata')) throw hidden('metadata', SHOWN_ONLY)
}

const SHOWN_ONLY = 'Look for what this credential is shown.'

function hidden(what: 'text' | 'tag' | 'metadata', hint: string): AccessError {
  return new AccessError(
    'forbidden',
    `This server hides some of what tasks hold, and does not tell which have it: a filter by ${what} is refused.`,
    { hint },
  )
}
