/** From what a caller typed to what a store takes: everything is checked here, before anything is written. */
import { InvalidArgumentError, InvalidPayloadError, TooLargeError } from '../task/errors.ts'
import { checkedKey, checkedName, LIMITS, utf8Bytes } from '../task/limits.ts'
import { checkedTaskId } from '../task/ids.ts'
import { digest } from '../platform/hash.ts'
import { durationMs } from '../task/duration.ts'
import { encode } from '../task/codec.ts'
import { checkedThen, levelOf, resolveOptions, type ResolvedOptions } from '../task/options.ts'
import { isKeepable, keptText } from '../task/kept-text.ts'
import { messageOf, shown } from '../task/shown.ts'
import { validate } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Dependency, EnqueueOptions, TaskReference } from '../task/draft.ts'
import type { Edge, IfFailed, TaskId, TaskPolicy, TaskSpec, UniqueSpec } from '../store/records.ts'

const NONE: readonly never[] = []
const EMPTY: Readonly<Record<string, string>> = {}

/** One enqueue, as it was asked for. */
export interface TaskDraft<D extends AnyTask = AnyTask> {
  readonly task: D
  readonly input: unknown
  readonly options: EnqueueOptions
}

/** One policy object per definition, so that stores can keep it once. */
const policies = new WeakMap<ResolvedOptions, TaskPolicy>()

/**
 * What one enqueue asks for, checked. Answers at once unless the task's schema is asynchronous.
 *
 * @throws InvalidArgumentError, InvalidPayloadError, TooLargeError
 */
export function specOf(
  draft: TaskDraft,
  id: TaskId,
  idMadeBy: TaskSpec['idMadeBy'],
): TaskSpec | Promise<TaskSpec> {
  const { task, input } = draft
  const checked = validate(task.input, input, `The input of ${task.name}`)
  if (checked instanceof Promise) return checked.then(() => buildSpec(draft, id, idMadeBy))
  return buildSpec(draft, id, idMadeBy)
}

function buildSpec(
  { task, input, options }: TaskDraft,
  id: TaskId,
  idMadeBy: TaskSpec['idMadeBy'],
): TaskSpec {
  const resolved = hasSharedOptions(options) ? resolveOptions(options, task.options) : task.options
  const payload = encode(input, `The input of ${task.name}`)
  const { after, tags, needs, metadata, headers } = options
  return {
    id,
    idMadeBy,
    digest: digest(`${task.name}\n${resolved.queue}\n`, payload),
    type: task.name,
    needs:
      needs === undefined || needs.length === 0
        ? NONE
        : [...new Set(needs.map((need) => checkedName(need, 'A need')))].sort(),
    queue: resolved.queue,
    level: options.priority === undefined ? resolved.level : levelOf(options.priority),
    lane: null,
    due: dueOf(options),
    held: options.held ?? false,
    payload,
    policy: policyOf(resolved),
    timeoutMs: resolved.timeoutMs,
    startByMs: resolved.startByMs,
    deadlineMs: resolved.deadlineMs,
    after: after === undefined || after.length === 0 ? NONE : edgesOf(after),
    unique: uniqueOf(task, input, options),
    tags: tags === undefined ? NONE : checkedTags(tags),
    metadata: metadata === undefined ? EMPTY : checkedStrings(metadata, 'metadata', LIMITS.metadataBytes),
    headers: headers === undefined ? EMPTY : checkedStrings(headers, 'headers', LIMITS.headersBytes),
  }
}

/** The dependencies of a call as edges; naming one parent twice is naming it once, by its last policy. */
function edgesOf(after: readonly Dependency[]): readonly Edge[] {
  if (after.length > LIMITS.parents) {
    throw new TooLargeError(`\`after\` names ${after.length} tasks; ${LIMITS.parents} are the most.`)
  }
  const edges = new Map<TaskId, IfFailed>()
  for (const dependency of after) {
    const { reference, ifFailed } = dependencyParts(dependency)
    edges.set(parentId(reference), checkedIfFailed(ifFailed))
  }
  return Array.from(edges, ([parent, ifFailed]) => ({ parent, ifFailed }))
}

/** What a dependency refers to, however it was written. Nothing is checked yet. */
export function dependencyParts(dependency: Dependency): {
  readonly reference: TaskReference
  readonly ifFailed: string
} {
  const whole = typeof dependency === 'object' ? dependency : { task: dependency }
  if ('ifFailed' in whole) return { reference: whole.task, ifFailed: whole.ifFailed ?? 'cancel' }
  // a handle has a `task` too, its definition
  return { reference: 'id' in whole ? whole : whole.task, ifFailed: 'cancel' }
}

function parentId(reference: TaskReference): TaskId {
  const id = typeof reference === 'string' ? reference : reference.id
  if (id !== undefined) return checkedTaskId(id, 'A parent in `after`')
  throw new InvalidArgumentError('`after` names a draft that was not enqueued.', {
    hint: 'Enqueue the parent first, or both in one enqueueMany.',
  })
}

function checkedIfFailed(ifFailed: string): IfFailed {
  if (ifFailed === 'cancel' || ifFailed === 'fail' || ifFailed === 'run') return ifFailed
  throw new InvalidArgumentError(`ifFailed is ${JSON.stringify(ifFailed)}.`, {
    hint: "It is 'cancel', 'fail' or 'run'.",
  })
}

function hasSharedOptions(options: EnqueueOptions): boolean {
  const { queue, retry, timeout, startBy, deadline } = options
  return (
    queue !== undefined ||
    retry !== undefined ||
    timeout !== undefined ||
    startBy !== undefined ||
    deadline !== undefined
  )
}

function policyOf(resolved: ResolvedOptions): TaskPolicy {
  let policy = policies.get(resolved)
  if (policy === undefined) policies.set(resolved, (policy = { retry: resolved.retry }))
  return policy
}

const NOW = { inMs: 0 }

/** The latest time that a store can keep. */
const TIME_MAX_MS = 2 ** 47 - 1

function dueOf(options: EnqueueOptions): TaskSpec['due'] {
  const { delay, runAt } = options
  if (delay !== undefined && runAt !== undefined) {
    throw new InvalidArgumentError('Both delay and runAt are given.', { hint: 'Give one of them.' })
  }
  if (delay !== undefined) return { inMs: durationMs(delay, 'delay') }
  if (runAt === undefined) return NOW
  const at = Math.round(typeof runAt === 'object' ? Number(runAt) : runAt)
  if (at >= 0 && at <= TIME_MAX_MS) return { at }
  throw new InvalidArgumentError(
    `runAt is ${typeof runAt === 'object' ? at : shown(runAt)}, which is no time.`,
    {
      hint: 'It is a Date or milliseconds since 1970, in the years 1970 to 6429.',
    },
  )
}

function uniqueOf(task: AnyTask, input: unknown, options: EnqueueOptions): UniqueSpec | null {
  const then = checkedThen(options.unique?.then ?? task.unique?.then)
  const key = options.unique?.key ?? ownKey(task, input)
  if (key === undefined) return null
  return { key: `${task.name}:${checkedKey(key, 'The unique key')}`, then }
}

/** What the definition makes of the input. Its function is the user's, and may fail. */
function ownKey(task: AnyTask, input: unknown): string | undefined {
  try {
    return task.unique?.key(input as never)
  } catch (cause) {
    throw new InvalidArgumentError(`The unique key of ${task.name} could not be made: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function checkedTags(tags: readonly string[]): readonly string[] {
  if (tags.length > LIMITS.tags)
    throw new TooLargeError(`${tags.length} tags are given; ${LIMITS.tags} are the most.`)
  return [...new Set(tags.map((tag) => checkedName(tag, 'A tag')))]
}

function checkedStrings(
  strings: Readonly<Record<string, string>>,
  what: string,
  bytesMax: number,
): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(strings)) {
    if (isKeepable(key) && isKeepable(value)) continue
    throw new InvalidPayloadError(`${what}.${keptText(key, 100)} is no well-formed text without U+0000.`, [
      { path: key, message: `is ${shown(value)}` },
    ])
  }
  if (utf8Bytes(JSON.stringify(strings)) > bytesMax)
    throw new TooLargeError(`${what} is larger than ${bytesMax} bytes.`)
  return { ...strings }
}
