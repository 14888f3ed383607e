/** From what a caller typed to what a store takes: everything is checked here, before anything is written. */
import { InvalidArgumentError, InvalidPayloadError, TooLargeError } from '../task/errors.ts'
import { checkedKey, checkedName, LIMITS, utf8Bytes } from '../task/limits.ts'
import { checkedTaskId } from '../task/ids.ts'
import { digest } from '../platform/hash.ts'
import { durationMs } from '../task/duration.ts'
import { encode } from '../task/codec.ts'
import { encodeWith, sealed, type Sizing } from '../task/codecs/codec.ts'
import {
  checkedThen,
  holdOf,
  levelOf,
  resolveOptions,
  type ResolvedOptions,
  type UniqueCall,
} from '../task/options.ts'
import { laneOf } from '../task/flow-options.ts'
import { isKeepable, keptText } from '../task/kept-text.ts'
import { checkMembers, reading, type Members } from '../task/members.ts'
import { checkTask, type AnyTask } from '../task/definition.ts'
import { messageOf, shown } from '../task/shown.ts'
import { validate } from '../task/schema.ts'
import { FIRST_VERSION, versionNeed } from '../task/versions.ts'
import { NO_OPTIONS, type Dependency, type Draft, type EnqueueOptions } from '../task/draft.ts'
import type { Place } from './flow-plan.ts'
import type { Edge, IfFailed, Payload, TaskId, TaskPolicy, TaskSpec, UniqueSpec } from '../store/records.ts'

const NONE: readonly never[] = []
const EMPTY: Readonly<Record<string, string>> = {}

/** One enqueue, as it was asked for. */
export interface TaskDraft<D extends AnyTask = AnyTask> {
  readonly task: D
  readonly input: unknown
  readonly options: EnqueueOptions
  /** What stands for an input that is not there yet. */
  readonly payload?: Payload | undefined
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
  const { task, input, options } = draft
  checkTask(task)
  if (options !== NO_OPTIONS) checkMembers(options, ENQUEUE_MEMBERS, 'enqueue')
  if (draft.payload !== undefined) return buildSpec(draft, id, idMadeBy)
  const checked = validate(task.input, input, `The input of ${task.name}`)
  if (checked instanceof Promise) return checked.then(() => buildSpec(draft, id, idMadeBy))
  return buildSpec(draft, id, idMadeBy)
}

/**
 * @param fresh drafts whose ids were drawn just now and not used yet: any other may be known to the store
 * @param place what is said of it beside what it says, if anything is
 */
export function draftSpec(draft: Draft, fresh: Set<Draft>, place?: Place): TaskSpec | Promise<TaskSpec> {
  const placed = place === undefined ? draft : placedDraft(draft, place)
  if (fresh.delete(draft)) return specOf(placed, draft.id!, 'client')
  return specOf(placed, checkedTaskId(draft.id), 'user')
}

function placedDraft(draft: Draft, { after, payload, given = draft }: Place): TaskDraft {
  const { task } = draft
  const { input, options } = given
  checkMembers(options, ENQUEUE_MEMBERS, 'enqueue')
  const own = checkedList(options.after ?? NONE, '`after`')
  return { task, input, options: { ...options, after: [...after, ...own] }, payload }
}

function buildSpec(
  { task, input, options, payload: given }: TaskDraft,
  id: TaskId,
  idMadeBy: TaskSpec['idMadeBy'],
): TaskSpec {
  const resolved = hasSharedOptions(options) ? resolveOptions(options, task.options) : task.options
  const isCoded = given === undefined && task.codec !== undefined
  const plain = isCoded
    ? encodeWith(task.codec, input, sizingOf(task))
    : (given ?? encode(input, `The input of ${task.name}`))
  const payload = isCoded ? sealedInput(task, plain, { id, queue: resolved.queue }) : plain
  const { after, tags, needs, metadata, headers } = options
  return {
    id,
    idMadeBy,
    digest: digest(`${task.name}\n${resolved.queue}\n`, plain),
    type: task.name,
    needs:
      needs === undefined && resolved.version === FIRST_VERSION
        ? NONE
        : needsOf(task, needs === undefined ? NONE : needs),
    queue: resolved.queue,
    level: options.priority === undefined ? resolved.level : levelOf(options.priority),
    lane: hasLane(task, options) ? laneOf(task.flow, given === undefined ? { input } : 'fed', options) : null,
    dueByMs: options.dueBy === undefined ? null : durationMs(options.dueBy, 'dueBy'),
    due: dueOf(options),
    held: checkedHeld(options.held),
    payload,
    policy: policyOf(resolved),
    timeoutMs: resolved.timeoutMs,
    startByMs: resolved.startByMs,
    deadlineMs: resolved.deadlineMs,
    after: after === undefined ? NONE : edgesOf(after),
    unique: uniqueOf({ task, input, options, payload: given }),
    tags: tags === undefined ? NONE : checkedTags(tags),
    metadata: metadata === undefined ? EMPTY : checkedStrings(metadata, 'metadata', LIMITS.metadataBytes),
    headers: headers === undefined ? EMPTY : checkedStrings(headers, 'headers', LIMITS.headersBytes),
  }
}

/** As ids of tasks that are made of a schedule's template: each run has an id of its own. */
export const SCHEDULED_ID: TaskId = '00000000-0000-5000-8000-000000000000'

function sizingOf({ name }: AnyTask): Sizing {
  return { what: `The input of ${name}`, bytesMax: LIMITS.payloadBytes }
}

function sealedInput(
  task: AnyTask,
  plain: Payload,
  { id, queue }: { readonly id: TaskId; readonly queue: string },
): Payload {
  const place = { what: 'input', id: id === SCHEDULED_ID ? null : id, type: task.name, queue } as const
  return sealed(task.codec!, plain, { ...sizingOf(task), place })
}

/** The dependencies of a call as edges; naming one parent twice is naming it once, by its last policy. */
function edgesOf(after: readonly Dependency[]): readonly Edge[] {
  if (checkedList(after, '`after`').length > LIMITS.parents) {
    throw new TooLargeError(`\`after\` names ${after.length} tasks; ${LIMITS.parents} are the most.`, {
      hint: 'Gather them in stages: tasks that wait for some of them each, and one that waits for those.',
    })
  }
  const edges = new Map<TaskId, IfFailed>()
  for (const dependency of after) {
    const { parent, ifFailed } = dependencyParts(dependency)
    edges.set(parentId(parent), checkedIfFailed(ifFailed))
  }
  return Array.from(edges, ([parent, ifFailed]) => ({ parent, ifFailed }))
}

/** The id of what a dependency refers to, however it was written; `undefined` for a draft that has none yet. Nothing is checked yet. */
export function dependencyParts(dependency: Dependency): {
  readonly parent: unknown
  readonly ifFailed: unknown
} {
  if (typeof dependency !== 'object' || dependency === null) return { parent: dependency, ifFailed: 'cancel' }
  return reading('A parent in `after`', () => {
    if ('ifFailed' in dependency)
      return { parent: idOf(dependency.task), ifFailed: dependency.ifFailed ?? 'cancel' }
    // a handle has a `task` too, its definition
    return { parent: 'id' in dependency ? dependency.id : idOf(dependency.task), ifFailed: 'cancel' }
  })
}

function idOf(reference: unknown): unknown {
  return typeof reference === 'object' && reference !== null && 'id' in reference ? reference.id : reference
}

function parentId(parent: unknown): TaskId {
  if (parent !== undefined) return checkedTaskId(parent, 'A parent in `after`')
  throw new InvalidArgumentError('`after` names a draft that was not enqueued.', {
    hint: 'Enqueue the parent first, or both in one enqueueMany.',
  })
}

function checkedIfFailed(ifFailed: unknown): IfFailed {
  if (ifFailed === 'cancel' || ifFailed === 'fail' || ifFailed === 'run' || ifFailed === 'trigger')
    return ifFailed
  throw new InvalidArgumentError(`ifFailed is ${shown(ifFailed)}.`, {
    hint: "It is 'cancel', 'fail', 'run' or 'trigger'.",
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

/**
 * Most have none, and nobody looks further.
 *
 * @throws InvalidArgumentError
 */
function hasLane(task: AnyTask, { partition, prefers, spillAfter }: EnqueueOptions): boolean {
  if (spillAfter !== undefined && prefers === undefined) {
    throw new InvalidArgumentError('spillAfter is given without prefers.', {
      hint: 'It is how long a task is left to the workers it prefers: name what those offer, or leave it out.',
    })
  }
  return task.flow !== undefined || partition !== undefined || prefers !== undefined
}

function policyOf(resolved: ResolvedOptions): TaskPolicy {
  let policy = policies.get(resolved)
  if (policy === undefined) policies.set(resolved, (policy = newPolicy(resolved)))
  return policy
}

/** What is of the first version does not say so, and costs nothing. */
function newPolicy({ retry, version }: ResolvedOptions): TaskPolicy {
  return version === FIRST_VERSION ? { retry } : { retry, version }
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
  return runAt === undefined ? NOW : { at: checkedTime(runAt, 'runAt') }
}

/**
 * A point in time that a user gave, in milliseconds since 1970.
 *
 * @throws InvalidArgumentError
 */
export function checkedTime(time: unknown, what: string): number {
  const at = isDate(time) ? Number(time) : time
  if (typeof at === 'number' && at >= 0 && at <= TIME_MAX_MS) return Math.round(at)
  throw new InvalidArgumentError(`${what} is ${shown(at)}, which is no time.`, {
    hint: 'It is a Date or milliseconds since 1970, in the years 1970 to 6429.',
  })
}

/** By structure: it may come from another realm. */
function isDate(value: unknown): value is Date {
  return typeof value === 'object' && value !== null && 'getTime' in value
}

function uniqueOf({ task, input, options, payload }: TaskDraft): UniqueSpec | null {
  const { unique } = options
  if (unique !== undefined) checkMembers(unique, UNIQUE_MEMBERS, 'unique')
  const then = checkedThen(unique?.then ?? task.unique?.then)
  if (unique === undefined && task.unique === undefined) return null
  if (payload !== undefined) {
    throw new InvalidArgumentError(
      `The unique key of ${task.name} is made of its input, which is not there yet.`,
      {
        hint: 'A step that takes a result cannot have a key: give it an input, or define the task without `unique`.',
      },
    )
  }
  const key: unknown = unique === undefined ? ownKey(task, input) : unique.key
  const held =
    (unique === undefined ? undefined : holdOf(unique)) ??
    (task.unique === undefined ? undefined : holdOf(task.unique))
  return { key: `${task.name}:${checkedKey(key, 'The unique key')}`, while: held ?? 'live', then }
}

/** What the definition makes of the input. Its function is the user's, and may fail. */
function ownKey(task: AnyTask, input: unknown): unknown {
  try {
    return task.unique?.key(input as never)
  } catch (cause) {
    throw new InvalidArgumentError(`The unique key of ${task.name} could not be made: ${messageOf(cause)}`, {
      cause,
      hint: 'The `unique.key` of its definition threw: make it answer a text for every input.',
    })
  }
}

function needsOf({ name, options }: AnyTask, needs: readonly string[]): readonly string[] {
  const checked = new Set(checkedList(needs, 'needs').map((need) => checkedName(need, 'A need')))
  const version = versionNeed(name, options)
  return (version === null ? [...checked] : [...checked, version]).sort()
}

function checkedTags(tags: readonly string[]): readonly string[] {
  if (checkedList(tags, 'tags').length > LIMITS.tags) {
    throw new TooLargeError(`${tags.length} tags are given; ${LIMITS.tags} are the most.`, {
      hint: 'Tags are for finding tasks: what is only shown belongs in metadata.',
    })
  }
  return [...new Set(tags.map((tag) => checkedName(tag, 'A tag')))]
}

/** @throws InvalidArgumentError, InvalidPayloadError, TooLargeError */
export function checkedStrings(
  strings: Readonly<Record<string, string>>,
  what: string,
  bytesMax: number,
): Readonly<Record<string, string>> {
  if (typeof strings !== 'object' || strings === null || Array.isArray(strings)) {
    throw new InvalidArgumentError(`${what} is ${shown(strings)}.`, {
      hint: "It is an object of texts: { by: 'me' }.",
    })
  }
  for (const [key, value] of reading(what, () => Object.entries<unknown>(strings))) {
    if (isKeepable(key) && isKeepable(value)) continue
    const member = `${what}.${keptText(key, 100)}`
    const message = typeof value === 'string' ? 'is no well-formed text without U+0000' : `is ${shown(value)}`
    throw new InvalidPayloadError(`${member} ${message}.`, [{ path: key, message }], {
      hint: 'Keys and values are texts; make one of anything else, as with String(…), JSON.stringify(…) or base64.',
    })
  }
  if (utf8Bytes(JSON.stringify(strings)) > bytesMax) {
    throw new TooLargeError(`${what} is larger than ${bytesMax} bytes.`, {
      hint: 'Put what is large into the input, or keep it elsewhere and name the place.',
    })
  }
  return { ...strings }
}

function checkedHeld(held: boolean | undefined): boolean {
  if (held === undefined || typeof held === 'boolean') return held ?? false
  throw new InvalidArgumentError(`held is ${shown(held)}.`, { hint: 'It is true or false.' })
}

/** A text has a length too, and would be read letter by letter. */
function checkedList<T>(list: readonly T[], what: string): readonly T[] {
  const isList: boolean = Array.isArray(list)
  if (isList) return list
  throw new InvalidArgumentError(`${what} is ${shown(list)}, which is no list.`, {
    hint: 'Give a list, also for a single one: [one].',
  })
}

export const ENQUEUE_MEMBERS: Members<EnqueueOptions> = {
  id: true,
  delay: true,
  runAt: true,
  queue: true,
  priority: true,
  after: true,
  unique: true,
  retry: true,
  timeout: true,
  startBy: true,
  deadline: true,
  partition: true,
  prefers: true,
  spillAfter: true,
  dueBy: true,
  held: true,
  needs: true,
  tags: true,
  metadata: true,
  headers: true,
}

const UNIQUE_MEMBERS: Members<UniqueCall> = { key: true, while: true, within: true, then: true }
