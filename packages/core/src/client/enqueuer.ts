/** Enqueues one task, many, or a graph. */
import { checkedTaskId, IdMaker } from '../task/ids.ts'
import { codeOf, type MillraceError } from '../task/errors.ts'
import { Account, type Load } from './account.ts'
import { addWhole } from './atomic-bulk.ts'
import { Batcher, type Arrival, type Send } from './batcher.ts'
import { bulkOrder, forgetIds } from './bulk-order.ts'
import { Operations } from './operations.ts'
import { refusalOf } from './refusals.ts'
import { specOf, type TaskDraft } from './specs.ts'
import { Stream } from './stream.ts'
import { TaskHandle, type EnqueuedHandle, type HandleContext } from './handle.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Draft } from '../task/draft.ts'
import type { AddVerdict, TaskGroup } from '../store/port.ts'
import type { Fence, TaskSpec } from '../store/records.ts'

/** What became of one draft of a best-effort bulk. */
export type BulkAnswer<D extends AnyTask = AnyTask> = EnqueuedHandle<D> | RejectedDraft

export interface RejectedDraft {
  readonly outcome: 'rejected'
  readonly error: MillraceError
}

export class Enqueuer {
  readonly #context: HandleContext
  readonly #ids: IdMaker
  /** Tasks with unique keys travel by themselves: where a key is contested their trip may have to wait for a lock. */
  readonly #keyed: Batcher
  readonly #plain: Batcher
  readonly #operations = new Operations()

  /** @param pendingMax what may be under way before callers are turned away */
  constructor(context: HandleContext, pendingMax: Load) {
    const { connection } = context
    const { platform } = connection
    this.#context = context
    this.#ids = new IdMaker(platform)
    const send: Send = (groups, again) => connection.add(groups, again)
    const { calls: trips } = connection.store
    const account = new Account(pendingMax)
    this.#plain = new Batcher({ send, trips, platform, account })
    this.#keyed = new Batcher({ send, trips, platform, account })
  }

  /** @param under the running task in whose name it is enqueued */
  async one<D extends AnyTask>(draft: TaskDraft<D>, under: Fence | null = null): Promise<EnqueuedHandle<D>> {
    this.#operations.begin()
    try {
      const { id } = draft.options
      const made =
        id === undefined
          ? specOf(draft, this.#ids.next(), 'client')
          : specOf(draft, checkedTaskId(id), 'user')
      const spec = made instanceof Promise ? await made : made
      const [verdict] = await this.#add({ tasks: [spec], under, gate: null })
      return this.#handle(draft.task, spec, verdict!)
    } finally {
      this.#operations.end()
    }
  }

  /** All or nothing. */
  async atomically(drafts: readonly Draft[]): Promise<EnqueuedHandle[]> {
    this.#operations.begin()
    try {
      return drafts.length === 0 ? [] : await this.#atomically(drafts)
    } finally {
      this.#operations.end()
    }
  }

  /** Each draft by itself: a rejected one takes none with it but those that wait for it. */
  async bestEffort(drafts: readonly Draft[]): Promise<BulkAnswer[]> {
    this.#operations.begin()
    try {
      return await this.#bestEffort(drafts)
    } finally {
      this.#operations.end()
    }
  }

  /** Takes nothing more, and resolves when everything under way is answered, whole bulks too. */
  close(): Promise<void> {
    return this.#operations.close()
  }

  async #atomically(drafts: readonly Draft[]): Promise<EnqueuedHandle[]> {
    const { order, drawn } = bulkOrder(drafts, this.#ids)
    const specs: TaskSpec[] = []
    const fresh = new Set(drawn)
    const parts = {
      connection: this.#context.connection,
      ids: this.#ids,
      add: (group: TaskGroup) => this.#add(group),
    }
    try {
      for (const index of order) {
        const made = this.#spec(drafts[index]!, fresh)
        specs.push(made instanceof Promise ? await made : made)
      }
      const verdicts = await addWhole(specs, parts)
      const handles: EnqueuedHandle[] = Array.from(drafts, () => undefined as never)
      for (const [position, index] of order.entries()) {
        handles[index] = this.#handle(drafts[index]!.task, specs[position]!, verdicts[position]!)
      }
      return handles
    } catch (error) {
      // nothing of it is left, or ever will run: under new ids it can be tried again
      if (codeOf(error) !== 'ambiguous') forgetIds(drawn)
      throw error
    }
  }

  async #bestEffort(drafts: readonly Draft[]): Promise<BulkAnswer[]> {
    const { order, drawn } = bulkOrder(drafts, this.#ids)
    const fresh = new Set(drawn)
    const answers: BulkAnswer[] = Array.from(drafts, () => undefined as never)
    const indexes = new Map<TaskSpec, number>()
    const stream = new Stream({
      platform: this.#context.connection.platform,
      batcherFor: (groups) => this.#batcherFor(groups),
      arrived: (spec, arrival) => {
        const index = indexes.get(spec)!
        answers[index] = this.#bulkAnswer(drafts[index]!.task, spec, arrival)
      },
    })
    for (const index of order) {
      try {
        const made = this.#spec(drafts[index]!, fresh)
        const spec = made instanceof Promise ? await made : made
        indexes.set(spec, index)
        const leaving = stream.push(spec)
        if (leaving !== undefined) await leaving
      } catch (error) {
        answers[index] = rejected(error)
      }
    }
    await stream.end()
    // not before the end: drafts that wait for a rejected one name it by its id
    for (const [index, answer] of answers.entries()) if (mayBeThere(answer)) drawn.delete(drafts[index]!)
    forgetIds(drawn)
    return answers
  }

  /** @param fresh drafts whose ids were drawn just now and not used yet: any other may be known to the store */
  #spec(draft: Draft, fresh: Set<Draft>): TaskSpec | Promise<TaskSpec> {
    if (fresh.delete(draft)) return specOf(draft, draft.id!, 'client')
    return specOf(draft, checkedTaskId(draft.id), 'user')
  }

  async #add(group: TaskGroup): Promise<readonly AddVerdict[]> {
    const groups = [group]
    const [arrival] = await this.#batcherFor(groups).submit(groups)
    if (arrival!.outcome !== 'added') throw refusalOf(arrival!, group)
    return arrival!.tasks.map((verdict, index) => firstTime(group.tasks[index]!, verdict))
  }

  #batcherFor(groups: readonly TaskGroup[]): Batcher {
    return groups.some(isKeyed) ? this.#keyed : this.#plain
  }

  #bulkAnswer(task: AnyTask, spec: TaskSpec, arrival: Arrival): BulkAnswer {
    if (arrival.outcome !== 'added')
      return rejected(refusalOf(arrival, { tasks: [spec], under: null, gate: null }))
    return this.#handle(task, spec, firstTime(spec, arrival.tasks[0]!))
  }

  #handle<D extends AnyTask>(task: D, spec: TaskSpec, verdict: AddVerdict): EnqueuedHandle<D> {
    const id = verdict.outcome === 'duplicate' ? verdict.by.id : spec.id
    return Object.assign(new TaskHandle(task, id, this.#context), verdict)
  }
}

function isKeyed(group: TaskGroup): boolean {
  return group.tasks.some((task) => task.unique !== null)
}

const CREATED: AddVerdict = { outcome: 'created' }

/** An id that was drawn just now is known to the store only if the call had to be repeated: it was ours that came first. */
function firstTime({ id, idMadeBy }: TaskSpec, verdict: AddVerdict): AddVerdict {
  return idMadeBy === 'client' && verdict.outcome === 'duplicate' && verdict.by.id === id ? CREATED : verdict
}

function mayBeThere(answer: BulkAnswer): boolean {
  return answer.outcome !== 'rejected' || answer.error.code === 'ambiguous'
}

/** @throws the error itself if it is none of ours: then something is broken, and no verdict on a draft */
function rejected(error: unknown): RejectedDraft {
  if (codeOf(error) === undefined) throw error
  return { outcome: 'rejected', error: error as MillraceError }
}
