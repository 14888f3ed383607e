/** What was enqueued in a test, and whether that is what the test expects. */
import { currentInput } from '../worker/input.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { checkTask, type AnyTask } from '../task/definition.ts'
import { PRIORITIES, type Priority } from '../task/options.ts'
import { shown } from '../task/shown.ts'
import { shapeOf } from '../task/fed-input.ts'
import { FIRST_VERSION, versionNeed } from '../task/versions.ts'
import { mismatches, type Mismatch } from './matching.ts'
import type { Arrival } from './test-store.ts'
import type { TaskId } from '../store/records.ts'

/** A task as it was enqueued. */
export interface EnqueuedTask<D extends AnyTask = AnyTask> {
  readonly id: TaskId
  /** `undefined` of a step that takes the result of another one. */
  readonly input: D['~task']['input'] | undefined
  readonly queue: string
  readonly priority: Priority
  /** When it was enqueued, and when it was to be due, by the test's clock. */
  readonly enqueuedAt: Date
  readonly dueAt: Date
  /** Ids of the tasks that it waits for. */
  readonly after: readonly TaskId[]
  readonly partition: string | null
  readonly needs: readonly string[]
  readonly held: boolean
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

/** What is looked at: the members that are given, and of objects in them the members that those have. */
export interface EnqueuedMatch<D extends AnyTask = AnyTask> {
  readonly input?: Partly<D['~task']['input']> | undefined
  readonly id?: TaskId | undefined
  readonly queue?: string | undefined
  readonly priority?: Priority | undefined
  /** It was to be due so long after it was enqueued. */
  readonly delay?: Duration | undefined
  /** It was to be due then. */
  readonly runAt?: Date | number | undefined
  readonly partition?: string | undefined
  readonly needs?: readonly string[] | undefined
  readonly held?: boolean | undefined
  /** It has these, and may have others. */
  readonly tags?: readonly string[] | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A value of which only a part is given; lists whole. */
export type Partly<T> = T extends readonly (infer Item)[]
  ? readonly Partly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]?: Partly<T[K]> | undefined }
    : T

/** Nothing of the kind was enqueued. Its name makes test runners show it as they show a failed assertion. */
export class EnqueuedAssertionError extends Error {
  override readonly name = 'AssertionError'
  /** What was looked for. */
  readonly expected: unknown
  /** What comes nearest to it; `undefined`: no task of the type was enqueued. */
  readonly actual: unknown

  constructor(
    message: string,
    { expected, actual }: { readonly expected: unknown; readonly actual: unknown },
  ) {
    super(message)
    this.expected = expected
    this.actual = actual
  }
}

const MEMBERS: Members<EnqueuedMatch> = {
  input: true,
  id: true,
  queue: true,
  priority: true,
  delay: true,
  runAt: true,
  partition: true,
  needs: true,
  held: true,
  tags: true,
  metadata: true,
  headers: true,
}

/** How many of the nearest an error shows. */
const SHOWN_TASKS = 3
const SHOWN_MISMATCHES = 5

/**
 * @returns the tasks that match, in the order in which they were enqueued
 * @throws EnqueuedAssertionError if there is none; InvalidArgumentError
 */
export function assertEnqueued<D extends AnyTask>(
  arrivals: readonly Arrival[],
  task: D,
  match: EnqueuedMatch<D>,
): readonly EnqueuedTask<D>[] {
  checkTask(task)
  checkMembers(match, MEMBERS, 'assertEnqueued')
  const candidates = arrivals
    .filter(({ spec }) => spec.type === task.name)
    .map((arrival) => {
      const enqueued = enqueuedTask(task, arrival)
      return { enqueued, wrong: mismatchesOf(enqueued, match) }
    })
  const matching = candidates.filter(({ wrong }) => wrong.length === 0)
  if (matching.length > 0) return matching.map(({ enqueued }) => enqueued)
  const nearest = candidates.toSorted((one, other) => one.wrong.length - other.wrong.length)
  const message =
    nearest.length === 0
      ? noneOf(task.name, arrivals)
      : noMatch(task.name, nearest.slice(0, SHOWN_TASKS), candidates.length)
  throw new EnqueuedAssertionError(message, { expected: match, actual: nearest[0]?.enqueued })
}

function enqueuedTask<D extends AnyTask>(task: D, { spec, at }: Arrival): EnqueuedTask<D> {
  const { id, type, payload, queue, level, due, lane, needs, held, tags, metadata, headers, after } = spec
  const ofVersion = versionNeed(type, { version: spec.policy.version ?? FIRST_VERSION })
  const fed = typeof payload !== 'string' && shapeOf(payload) !== null
  return {
    id,
    input: fed ? undefined : (currentInput(task, spec) as D['~task']['input']),
    queue,
    priority: PRIORITIES[level],
    enqueuedAt: new Date(at),
    dueAt: new Date('at' in due ? due.at : at + due.inMs),
    after: after.map(({ parent }) => parent),
    partition: lane?.partition ?? null,
    // as the caller gave them
    needs: needs.filter((need) => need !== ofVersion),
    held,
    tags,
    metadata,
    headers,
  }
}

function mismatchesOf(enqueued: EnqueuedTask, match: EnqueuedMatch): readonly Mismatch[] {
  const { delay, runAt, tags, ...plain } = match
  const wrong = Object.entries(plain).flatMap(([name, expected]) =>
    expected === undefined ? [] : mismatches(enqueued[name as keyof typeof plain], expected, name),
  )
  const delayMs = enqueued.dueAt.getTime() - enqueued.enqueuedAt.getTime()
  if (delay !== undefined) wrong.push(...mismatches(delayMs, durationMs(delay, 'delay'), 'delay, in ms,'))
  if (runAt !== undefined) wrong.push(...mismatches(enqueued.dueAt, new Date(runAt), 'runAt'))
  const missing = tags?.filter((tag) => !enqueued.tags.includes(tag)) ?? []
  if (missing.length > 0) wrong.push({ path: 'tags', expected: tags, actual: enqueued.tags })
  return wrong
}

function noneOf(name: string, arrivals: readonly Arrival[]): string {
  const counts = new Map<string, number>()
  for (const { spec } of arrivals) counts.set(spec.type, (counts.get(spec.type) ?? 0) + 1)
  const others = Array.from(counts, ([type, count]) => (count === 1 ? type : `${type} (${count} times)`))
  const instead = others.length === 0 ? 'Nothing was.' : `What was: ${others.slice(0, 20).join(', ')}.`
  return `No ${name} was enqueued. ${instead}`
}

function noMatch(
  name: string,
  nearest: readonly { readonly enqueued: EnqueuedTask; readonly wrong: readonly Mismatch[] }[],
  count: number,
): string {
  const lines = nearest.map(({ enqueued, wrong }) => {
    const what = wrong
      .slice(0, SHOWN_MISMATCHES)
      .map(({ path, expected, actual }) => `${path} is ${json(actual)} and not ${json(expected)}`)
    const more = wrong.length > SHOWN_MISMATCHES ? `, and ${wrong.length - SHOWN_MISMATCHES} more` : ''
    return `  ${enqueued.id}: ${what.join(', ')}${more}`
  })
  const all = count === 1 ? 'The one that was' : `The nearest of ${count} that were`
  return `No ${name} was enqueued that matches. ${all}:\n${lines.join('\n')}`
}

const SHOWN_CHARACTERS = 200

function json(value: unknown): string {
  const text = JSON.stringify(value) ?? shown(value)
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}
