/** Tasks to be, as callers write them down: by the name of their definition. */
import { Draft, taskId, type Dependency, type EnqueueOptions } from '@millrace/core'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { checkFit, definitionOf, uniqueOf, type KnownDefinition } from '../../published/index.ts'
import { Id, Json, Key, Name, PriorityName, said, Span, Strings, timeOf, Time } from '../schemas/common.ts'
import { withTrace } from '../../tracing/trace-headers.ts'
import { definitionsOf, type Definitions } from '../definition-book.ts'
import type { Scene } from '../call.ts'

const NAMES_MAX = 100
/** Parents of one task that a caller can name. */
const PARENTS_MAX = 1_000
const ATTEMPTS_MAX = 10_000

const Attempts = z.int().min(1).max(ATTEMPTS_MAX)

const Retry = z
  .union([
    z.literal(false),
    z.strictObject({
      attempts: Attempts.optional(),
      backoff: z.literal('exponential').optional(),
      base: Span.optional(),
      max: Span.optional(),
    }),
    z.strictObject({ attempts: Attempts.optional(), backoff: z.literal('fixed'), base: Span }),
    z.strictObject({ delays: z.array(Span).max(ATTEMPTS_MAX - 1) }),
  ])
  .meta({ id: 'Retry', description: 'How often a failed task is tried again; false: never.' })

const Unique = z
  .strictObject({
    key: Key,
    while: z.enum(['live', 'waiting']).optional(),
    within: Span.optional(),
    then: z.enum(['keep', 'replace', 'reject']).optional(),
  })
  .meta({
    id: 'Unique',
    description: 'One task per key at a time; what is left out is as its definition says.',
  })

const IfFailed = z.enum(['cancel', 'fail', 'run', 'trigger'])

const Names = z.array(Name).max(NAMES_MAX)

/** What both an enqueue and the runs of a schedule can say of a task. */
export const runShape = {
  input: Json.optional(),
  force: said(
    z.boolean(),
    'Take a type that no worker has published, or an input that does not match what it published.',
  ),
  queue: said(Name, 'Default: that of the definition, as with all that follows.'),
  priority: said(PriorityName, 'The levels share the slots by weight.'),
  retry: Retry.optional(),
  timeout: said(z.union([z.literal(false), Span]), 'How long an attempt may take; false: any time.'),
  startBy: said(Span, 'It ends as failed if it has not started after so long.'),
  deadline: said(Span, 'It ends as failed after so long, all attempts together.'),
  unique: Unique.optional(),
  partition: said(Key, 'Whose turn it is that it takes.'),
  limitKeys: said(
    z.record(Name, Key),
    'By the name of a limit: what the code of the definition makes of this input as its key.',
  ),
  held: said(z.boolean(), 'It waits for its release.'),
  dueBy: said(Span, 'What is due first comes first, among tasks of one priority.'),
  needs: said(Names, 'What a worker has to offer to get it.'),
  prefers: said(Names, 'What its worker would better offer, the best first.'),
  spillAfter: said(Span, 'After so long the next one of `prefers` will do, and then any worker.'),
  tags: said(Names, 'Names to find it by.'),
  metadata: said(Strings, 'Texts to find it by, by their names.'),
  headers: said(Strings, 'For its handler, as traces are.'),
}

const enqueueShape = {
  type: Name.meta({ description: 'The name of its definition.' }),
  id: said(Id, 'Enqueued twice under one id it is one task. Default: a new one.'),
  delay: said(Span, 'Not before so long.'),
  runAt: said(Time, 'Not before then.'),
  ...runShape,
}

const Parent = z.union([Id, z.strictObject({ task: Id, ifFailed: IfFailed.optional() })])
const Reference = z.union([Id, z.int().min(0)])
const ParentInBulk = z.union([Reference, z.strictObject({ task: Reference, ifFailed: IfFailed.optional() })])

/** A task to be. */
export const EnqueueInput = z
  .strictObject({
    ...enqueueShape,
    after: said(z.array(Parent).max(PARENTS_MAX), 'Tasks that it waits for.'),
  })
  .meta({ id: 'Enqueue' })

/** One of several tasks to be, which may name each other in `after` by their index or id. */
export const BulkItem = z
  .strictObject({
    ...enqueueShape,
    after: said(
      z.array(ParentInBulk).max(PARENTS_MAX),
      'Tasks that it waits for: by id, or by their index in this request.',
    ),
  })
  .meta({ id: 'EnqueueItem' })

export type BulkItemInput = z.output<typeof BulkItem>

/** The options of a run, whatever enqueues it. */
type RunInput = Pick<BulkItemInput, keyof typeof runShape> & { readonly type: string }

/** A definition by its name, seen to that the input fits and the caller may enqueue it. */
export async function definitionFor(
  { type, input, force = false, queue, partition, limitKeys }: RunInput,
  definitions: Definitions,
  scene: Pick<Scene, 'caller' | 'logger'>,
): Promise<KnownDefinition> {
  const limits = new Map(Object.entries(limitKeys ?? {}))
  const seen = definitionsOf({ type, queue }, definitions, scene.caller)
  const known = definitionOf(type, seen, { force, partition, limits })
  // of a type that nobody has published the queue is known only now
  scene.caller.require('enqueue', queue ?? known.task.options.queue)
  if (!force) await checkFit(input, { type, schema: known.schema }, (message) => scene.logger.warn(message))
  return known
}

/** What an input says of the task, as core takes it. */
export function runOptions(known: KnownDefinition, run: RunInput): EnqueueOptions {
  const { queue, priority, retry, timeout, startBy, deadline, unique, partition, held } = run
  const { dueBy, needs, prefers, spillAfter, tags, metadata, headers } = run
  const options = { queue, priority, retry, timeout, startBy, deadline, partition, held }
  const more = { dueBy, needs, prefers, spillAfter, tags, metadata, headers }
  // Spans are checked by core: their type says more of texts than a schema can.
  return { ...options, ...more, unique: uniqueFor(known, unique) } as EnqueueOptions
}

function uniqueFor(known: KnownDefinition, unique: RunInput['unique']): EnqueueOptions['unique'] {
  if (unique === undefined) return uniqueOf(known, undefined)
  const { while: held, within, then } = unique
  const base = held === undefined && within === undefined ? uniqueOf(known, unique.key) : { key: unique.key }
  const said = {
    ...(held && { while: held }),
    ...(within !== undefined && { within }),
    ...(then && { then }),
  }
  return { ...base, ...said } as EnqueueOptions['unique']
}

/** A draft that waits for nothing yet: `after` is filled in once all drafts are there. */
export interface OpenDraft {
  readonly draft: Draft
  readonly after: Dependency[]
}

export interface Keyed {
  /** Names the tasks of this request, whoever repeats it. */
  readonly id: string | undefined
  readonly fingerprint: string | undefined
}

/** The header of tasks that an idempotency key was given for: tells a repeat from another request. */
const FINGERPRINT = 'millrace-idempotency'

export async function openDraft(
  item: BulkItemInput,
  { definitions, keyed }: { readonly definitions: Definitions; readonly keyed: Keyed },
  scene: Pick<Scene, 'caller' | 'logger' | 'trace'>,
): Promise<OpenDraft> {
  const known = await definitionFor(item, definitions, scene)
  const after: Dependency[] = []
  const { id = keyed.id, delay, runAt } = item
  const run = runOptions(known, item)
  const due = { ...(delay !== undefined && { delay }), ...(runAt !== undefined && { runAt: timeOf(runAt) }) }
  const { fingerprint } = keyed
  const own = fingerprint === undefined ? run.headers : { ...run.headers, [FINGERPRINT]: fingerprint }
  const headers = withTrace(own, scene.trace)
  const options = { ...run, ...due, headers, id: id?.toLowerCase(), after } as EnqueueOptions
  return { draft: new Draft(known.task, item.input, options), after }
}

/** What stands for an idempotency key in the tasks of a request. */
export function keyedBy(
  key: string | undefined,
  request: unknown,
  { caller }: Pick<Scene, 'caller'>,
): (index: number) => Keyed {
  if (key === undefined) return () => ({ id: undefined, fingerprint: undefined })
  const fingerprint = createHash('sha256').update(JSON.stringify(request)).digest('hex').slice(0, 32)
  return (index) => ({ id: taskId('idempotency', caller.name, key, String(index)), fingerprint })
}

/** Whether a task that was there already was enqueued by another request under the same key. */
export function isOther(headers: Readonly<Record<string, string>>, { fingerprint }: Keyed): boolean {
  const its = headers[FINGERPRINT]
  return fingerprint !== undefined && its !== undefined && its !== fingerprint
}
