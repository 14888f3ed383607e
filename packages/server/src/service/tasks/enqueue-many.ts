/** Enqueuing many tasks, or a whole graph. */
import {
  codeOf,
  type BulkAnswer,
  type Dependency,
  type Draft,
  type EnqueuedHandle,
  type MillraceError,
} from '@millrace/core'
import { z } from 'zod'
import { definitionsFor } from '../definition-book.ts'
import { defineCall, type Scene } from '../call.ts'
import { errorAt, InvalidRequestError, KeyReusedError } from '../errors.ts'
import { ProblemShape, problemOf } from '../problems.ts'
import { hiddenIds, seenIds } from '../sight.ts'
import {
  BulkItem,
  isOther,
  keyedBy,
  openDraft,
  type BulkItemInput,
  type Keyed,
  type OpenDraft,
} from './drafts.ts'
import { checkReplacing } from './replacing.ts'
import { checkRepeat, enqueuedAnswer, enqueuedAs, IdempotencyKey, underKey } from './enqueue.ts'
import { unknownParent } from './parents.ts'

/** Tasks that are there already may be large. */
const READ_AT_ONCE = 100
/** Tasks of one request. */
const TASKS_MAX = 10_000
/** Parents that are in the store already, of all tasks of a request. */
const PARENTS_MAX = 10_000

const Rejected = z
  .strictObject({ outcome: z.literal('rejected'), error: ProblemShape })
  .meta({ description: 'It was not enqueued; the others were.' })

export const enqueueMany = defineCall({
  name: 'tasks.enqueueMany',
  summary:
    'Enqueues many tasks, or a graph of tasks that wait for each other: each by itself, or all or none.',
  permission: 'enqueue',
  input: z.strictObject({
    tasks: z.array(BulkItem).max(TASKS_MAX).meta({
      description: 'In `after` they may name each other, by index or by an id that is given here.',
    }),
    atomic: z.boolean().optional().meta({ description: 'All or none. Default: each by itself.' }),
    idempotencyKey: IdempotencyKey.optional(),
  }),
  output: z
    .strictObject({ tasks: z.array(z.discriminatedUnion('outcome', [...enqueuedAs, Rejected])) })
    .meta({ id: 'EnqueuedMany', description: 'What became of each, in the order of the request.' }),
  example: {
    tasks: [
      { type: 'greet', input: { name: 'Ada' } },
      { type: 'greet', input: { name: 'Grace' }, after: [0] },
    ],
    atomic: true,
  },
  async run({ tasks, atomic = false, idempotencyKey: key }, scene) {
    const keyed = keyedBy(key, { tasks, atomic }, scene)
    const bulk = new Bulk(tasks, { keyed, scene, refusing: atomic ? 'throws' : 'keeps' })
    await bulk.open()
    await bulk.connect()
    if (key !== undefined) await checkUnused(tasks, { key, keyed }, scene)
    const answers = await underKey(key, () => bulk.enqueue())
    for (const [index, answer] of answers.entries())
      if (answer.outcome !== 'rejected')
        await checkRepeat(answer, { key, keyed: keyed(index), own: tasks[index]!.id }, scene)
    return {
      tasks: answers.map((answer) =>
        answer.outcome === 'rejected'
          ? { outcome: 'rejected' as const, error: problemOf(answer.error) }
          : enqueuedAnswer(answer),
      ),
    }
  },
})

/**
 * Before anything is written: under the ids of the key there may be tasks of another request, of which this one would only
 * be refused in part.
 *
 * @throws KeyReusedError
 */
async function checkUnused(
  tasks: readonly BulkItemInput[],
  { key, keyed }: { readonly key: string; readonly keyed: (index: number) => Keyed },
  { store }: Pick<Scene, 'store'>,
): Promise<void> {
  const named = tasks.flatMap(({ id }, index) => (id === undefined ? [keyed(index)] : []))
  for (let from = 0; from < named.length; from += READ_AT_ONCE) {
    const some = named.slice(from, from + READ_AT_ONCE)
    const records = await store.get(some.map(({ id }) => id!))
    for (const [at, record] of records.entries())
      if (record !== null && isOther(record.headers, some[at]!)) throw new KeyReusedError(key)
  }
}

interface BulkParts {
  readonly keyed: (index: number) => Keyed
  readonly scene: Scene
  /** `throws`: one that is refused ends it; `keeps`: it is told in its place. */
  readonly refusing: 'throws' | 'keeps'
}

/** Drafts by their index, with those that are refused before the store is asked. */
class Bulk {
  readonly #items: readonly BulkItemInput[]
  readonly #parts: BulkParts
  readonly #drafts: (OpenDraft | undefined)[] = []
  readonly #refused = new Map<number, MillraceError>()

  constructor(items: readonly BulkItemInput[], parts: BulkParts) {
    this.#items = items
    this.#parts = parts
  }

  /** Makes the drafts. */
  async open(): Promise<void> {
    const { scene, keyed } = this.#parts
    const definitions = await definitionsFor([...new Set(this.#items.map(({ type }) => type))], scene)
    for (const [index, item] of this.#items.entries()) {
      try {
        const opened = await openDraft(item, { definitions, keyed: keyed(index) }, scene)
        checkReplacing(opened.draft.options, scene.caller)
        this.#drafts[index] = opened
      } catch (error) {
        this.#drafts[index] = undefined
        this.#refuse(index, error)
      }
    }
  }

  /** Says of each what it waits for. */
  async connect(): Promise<void> {
    const byId = new Map(this.#items.flatMap(({ id }, index) => (id ? [[id.toLowerCase(), index]] : [])))
    const indexOf = (reference: string | number): number | undefined =>
      typeof reference === 'number' ? reference : byId.get(reference.toLowerCase())
    const seen = await this.#seen(indexOf)
    const hidden = await this.#hidden(indexOf)
    const waiting = new Map<number, number[]>()
    for (const [index, { after = [] }] of this.#items.entries()) {
      for (const parent of after) {
        const { task, ...rest } = typeof parent === 'object' ? parent : { task: parent }
        const at = indexOf(task)
        const own = at === undefined ? undefined : this.#items[at]?.id
        if (own !== undefined && hidden.has(own)) {
          this.#refuse(index, unknownParent(own))
          continue
        }
        if (at !== undefined) waiting.set(at, [...(waiting.get(at) ?? []), index])
        const dependency = this.#dependencyOn(task, { at, seen })
        if (dependency === undefined) this.#refuse(index, missing(task, this.#items.length))
        else this.#drafts[index]?.after.push({ ...rest, task: dependency } as Dependency)
      }
    }
    this.#refuseWaiting(waiting)
  }

  async enqueue(): Promise<readonly BulkAnswer[]> {
    const { scene, refusing } = this.#parts
    const left = this.#items.flatMap((_, index) => (this.#refused.has(index) ? [] : [index]))
    const drafts: readonly Draft[] = left.map((index) => this.#drafts[index]!.draft)
    const answers: readonly BulkAnswer[] =
      refusing === 'throws'
        ? ((await scene.mill.enqueueMany(drafts, { atomic: true })) as readonly EnqueuedHandle[])
        : await scene.mill.enqueueMany(drafts)
    const byIndex = new Map(left.map((index, at) => [index, answers[at]!]))
    return this.#items.map(
      (_, index) => byIndex.get(index) ?? { outcome: 'rejected', error: this.#refused.get(index)! },
    )
  }

  /** Of the tasks outside of this request those that the caller may wait for. */
  async #seen(indexOf: (reference: string) => number | undefined): Promise<ReadonlySet<string>> {
    const outside = new Set<string>()
    for (const { after = [] } of this.#items)
      for (const parent of after) {
        const task = typeof parent === 'object' ? parent.task : parent
        if (typeof task === 'string' && indexOf(task) === undefined) outside.add(task)
      }
    if (outside.size <= PARENTS_MAX) return seenIds([...outside], 'follow', this.#parts.scene)
    throw new InvalidRequestError(`The tasks wait for ${outside.size} others.`, [], 'Enqueue them in parts.')
  }

  /** Of the ids that are given here to tasks that others wait for those that tasks have which the caller may not see. */
  async #hidden(indexOf: (reference: string | number) => number | undefined): Promise<ReadonlySet<string>> {
    const inside = new Set<string>()
    for (const { after = [] } of this.#items)
      for (const parent of after) {
        const at = indexOf(typeof parent === 'object' ? parent.task : parent)
        const id = at === undefined ? undefined : this.#items[at]?.id
        if (id !== undefined) inside.add(id)
      }
    return hiddenIds([...inside], 'follow', this.#parts.scene)
  }

  #dependencyOn(
    task: string | number,
    { at, seen }: { readonly at: number | undefined; readonly seen: ReadonlySet<string> },
  ): Draft | string | undefined {
    // One that was refused stands here by itself no more: those that wait for it are refused with it.
    if (at !== undefined) return at < this.#items.length ? (this.#drafts[at]?.draft ?? '') : undefined
    return typeof task === 'string' && seen.has(task) ? task : undefined
  }

  /** Those that wait for one that was refused, and so on. */
  #refuseWaiting(waiting: ReadonlyMap<number, readonly number[]>): void {
    const open = [...this.#refused.keys()]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const index of waiting.get(at) ?? []) {
        if (this.#refused.has(index)) continue
        const hint = `It waits for the task at index ${at}, which was refused.`
        this.#refuse(index, new InvalidRequestError('A task that it waits for was refused.', [], hint))
        open.push(index)
      }
    }
  }

  /** @throws the error itself if it is none of ours: then something is broken, and no verdict on a task */
  #refuse(index: number, error: unknown): void {
    if (codeOf(error) === undefined) throw error
    const ours = error as MillraceError
    if (this.#parts.refusing === 'throws') throw errorAt(index, ours)
    if (!this.#refused.has(index)) this.#refused.set(index, ours)
  }
}

function missing(task: string | number, count: number): MillraceError {
  if (typeof task === 'string') return unknownParent(task)
  return new InvalidRequestError(`\`after\` names index ${task} of ${count} tasks.`, [])
}
