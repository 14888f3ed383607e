/** Which tasks a list or an action is about, as users say it. */
import { InvalidArgumentError } from '../task/errors.ts'
import { isKeepable } from '../task/kept-text.ts'
import { checkedName, LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import { TASK_STATES, type TaskState } from '../store/records.ts'
import { checkedStrings } from './specs.ts'
import type { TaskFilter } from '../store/control.ts'

/** Which tasks: all that are given must hold. */
export interface TaskQuery {
  readonly state?: TaskState | readonly TaskState[] | undefined
  readonly queue?: string | undefined
  readonly type?: string | undefined
  readonly tag?: string | undefined
  /** That have all of these, to the letter. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** In whose type, tags, values of metadata or error message it stands, in upper or lower case. At most 200 characters. */
  readonly text?: string | undefined
}

const TEXT_MAX = 200

export const QUERY_MEMBERS: Members<TaskQuery> = {
  state: true,
  queue: true,
  type: true,
  tag: true,
  metadata: true,
  text: true,
}

/**
 * What cannot be the name of anything would match nothing, and look like an answer.
 *
 * @throws InvalidArgumentError
 */
export function filterOf(query: TaskQuery): TaskFilter {
  checkMembers(query, QUERY_MEMBERS, 'a filter')
  const { state, queue, type, tag, metadata, text } = query
  for (const [member, name] of Object.entries({ queue, type, tag }))
    if (name !== undefined) checkedName(name, `The ${member}`)
  const states = state === undefined || Array.isArray(state) ? state : [state]
  for (const one of states ?? []) checkState(one)
  return { states, queue, type, tag, metadata: checkedMetadata(metadata), text: checkedText(text) }
}

/**
 * The filter of an action, which must not mean every task.
 *
 * @throws InvalidArgumentError
 */
export function actionFilterOf(query: TaskQuery): TaskFilter {
  const filter = filterOf(query)
  if (Object.values(filter).some((member) => member !== undefined)) return filter
  throw new InvalidArgumentError('The filter is empty, and would mean every task.', {
    hint: 'Name at least a state, queue, type, tag, metadata or text.',
  })
}

/** None of any key means all tasks, as if nothing were said. */
function checkedMetadata(metadata: TaskQuery['metadata']): TaskQuery['metadata'] {
  if (metadata === undefined) return undefined
  const checked = checkedStrings(metadata, 'metadata', LIMITS.metadataBytes)
  return Object.keys(checked).length === 0 ? undefined : checked
}

function checkedText(text: unknown): string | undefined {
  if (text === undefined || (isKeepable(text) && text !== '' && text.length <= TEXT_MAX)) return text
  throw new InvalidArgumentError(`The text is ${shown(text)}.`, {
    hint: `It is what to look for, of 1 to ${TEXT_MAX} characters.`,
  })
}

function checkState(state: unknown): void {
  if ((TASK_STATES as readonly unknown[]).includes(state)) return
  const pending = state === 'ready' || state === 'scheduled' || state === 'held'
  throw new InvalidArgumentError(`The state is ${shown(state)}.`, {
    hint: `${pending ? `What is shown as ${state} is pending. ` : ''}The states are ${TASK_STATES.join(', ')}.`,
  })
}
