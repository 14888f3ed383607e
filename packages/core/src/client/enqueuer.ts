/** Enqueues one task, many, or a graph. */
import { checkedTaskId, IdMaker } from '../task/ids.ts'
import { codeOf, type MillraceError } from '../task/errors.ts'
import { Account } from './account.ts'
import { addWhole } from './atomic-bulk.ts'
import { createdOf, type Admission, type BudgetKeeper } from './budget-keeper.ts'
import { Batcher, type Arrival, type Send } from './batcher.ts'
import { bulkOrder, forgetIds } from './bulk-order.ts'
import { flowHandles, planOf, type FlowHandles, type Places } from './flow-plan.ts'
import { Operations } from './operations.ts'
import { refusalOf } from './refusals.ts'
import { Guest } from './guest.ts'
import { draftSpec, specOf, type TaskDraft } from './specs.ts'
import { Stream } from './stream.ts'
import { firstTime, handleOf, type EnqueuedHandle, type HandleContext } from './handle.ts'
import type { Load } from '../policy/budgets.ts'
import { enqueuingMany, enqueuingOne, inherited } from './preparation.ts'
import type { Plugins } from './plugins.ts'
import type { Transactions } from '../store/transactions.ts'
import type { AnyFlow } from '../task/flow.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Manner } from './connection.ts'
import type { Draft } from '../task/draft.ts'
import type { AddVerdict, TaskGroup } from '../store/port.ts'
import type { Fence, TaskSpec } from '../store/records.ts'

/** What became of one draft of a best-effort bulk. */
export type BulkAnswer<D extends AnyTask = AnyTask> = EnqueuedHandle<D> | RejectedDraft

/**
 * What the place of a draft that was refused holds in the answer of a best-effort `enqueueMany`; the others were
 * enqueued.
 */
export interface RejectedDraft {
  readonly outcome: 'rejected'
  readonly error: MillraceError
}

export interface EnqueuerContext extends HandleContext {
  readonly budgets: BudgetKeeper
  readonly plugins: Plugins | undefined
}

export class Enqueuer {
  readonly #context: EnqueuerContext
  readonly #ids: IdMaker
  readonly #manner: Manner
  /** Tasks with unique keys travel by themselves: where a key is contested their trip may have to wait for a lock. */
  readonly #keyed: Batcher
  readonly #plain: Batcher
  readonly #operations = new Operations()

  /**
   * @param pendingMax what may be under way before callers are turned away
   * @param manner whether callers are turned away, too, while the store is down
   */
  constructor(context: EnqueuerContext, pendingMax: Load, manner: Manner) {
    const { connection } = context
    const { platform } = connection
    this.#context = context
    this.#manner = manner
    this.#ids = new IdMaker(platform)
    const send: Send = (groups, again) => connection.add(groups, again, manner)
    const parts = {
      send,
      store: connection.store,
      platform,
      account: new Account(pendingMax),
      timeoutMs: connection.patienceMs(manner),
    }
    this.#plain = new Batcher(parts)
    this.#keyed = new Batcher(parts)
    if (manner === 'fails fast')
      connection.listenToRefusals((why) => {
        for (const batcher of [this.#plain, this.#keyed]) batcher.refuseWaiting(why)
      })
  }

  /** @param under the running task in whose name it is enqueued */
  async one<D extends AnyTask>(given: TaskDraft<D>, under: Fence | null = null): Promise<EnqueuedHandle<D>> {
    this.#operations.begin()
    try {
      const draft = inherited(given, under === null ? 'anybody' : 'handler')
      if (this.#context.plugins !== undefined) return await this.#plugged(this.#context.plugins, draft, under)
      const { id } = draft.options
      const made =
        id === undefined
          ? specOf(draft, this.#ids.next(), 'client')
          : specOf(draft, checkedTaskId(id), 'user')
      const spec = made instanceof Promise ? await made : made
      const group = { tasks: [spec], under, gate: null }
      const verdicts = await this.#admitted([spec], (sinceMs) => this.#add(group, sinceMs))
      return handleOf(draft.task, { spec, verdict: verdicts[0]! }, this.#context)
    } finally {
      this.#operations.end()
    }
  }

  async #plugged<D extends AnyTask>(
    plugins: Plugins,
    given: TaskDraft<D>,
    under: Fence | null,
  ): Promise<EnqueuedHandle<D>> {
    await plugins.ready()
    return enqueuingOne<D>(plugins, { draft: given, work: 'asynchronous' }, async (draft) => {
      const { id } = draft.options
      const spec = await specOf(
        draft,
        id === undefined ? this.#ids.next() : checkedTaskId(id),
        id === undefined ? 'client' : 'user',
      )
      const group = { tasks: [spec], under, gate: null }
      const [verdict] = await this.#admitted([spec], (sinceMs) => this.#add(group, sinceMs))
      return handleOf(draft.task, { spec, verdict: verdict! }, this.#context)
    })
  }

  /** What a handler enqueues that runs in an isolate, where the task was made. */
  async child(spec: TaskSpec, under: Fence): Promise<AddVerdict> {
    this.#operations.begin()
    try {
      const group = { tasks: [spec], under, gate: null }
      const verdicts = await this.#admitted([spec], (sinceMs) => this.#add(group, sinceMs))
      return verdicts[0]!
    } finally {
      this.#operations.end()
    }
  }

  /** A task that was made already, as those of schedules are. */
  async spec(spec: TaskSpec): Promise<AddVerdict> {
    this.#operations.begin()
    try {
      return (await this.#add({ tasks: [spec], under: null, gate: null }))[0]!
    } finally {
      this.#operations.end()
    }
  }

  /** All or nothing. */
  async atomically(drafts: readonly Draft[]): Promise<EnqueuedHandle[]> {
    this.#operations.begin()
    try {
      if (drafts.length === 0) return []
      return await this.#prepared(drafts, undefined, (places) => this.#atomically(drafts, places))
    } finally {
      this.#operations.end()
    }
  }

  /** A flow, all or nothing. */
  async flow<F extends AnyFlow>(flow: F): Promise<FlowHandles<F['~flow']>> {
    this.#operations.begin()
    try {
      const { drafts, places } = planOf(flow)
      const handles = await this.#prepared(drafts, places, (all) => this.#atomically(drafts, all))
      return flowHandles(flow, { drafts, handles })
    } finally {
      this.#operations.end()
    }
  }

  /** Each draft by itself: a rejected one takes none with it but those that wait for it. */
  async bestEffort(drafts: readonly Draft[]): Promise<BulkAnswer[]> {
    this.#operations.begin()
    try {
      return await this.#prepared(drafts, undefined, (places) => this.#bestEffort(drafts, places))
    } finally {
      this.#operations.end()
    }
  }

  /** Enqueues in a transaction of the caller's. */
  within(tx: unknown, transactions: Transactions<unknown>): Guest {
    return new Guest(tx, { ...this.#context, transactions, ids: this.#ids })
  }

  /** Takes nothing more, and resolves when everything under way is answered, whole bulks too. */
  close(): Promise<void> {
    return this.#operations.close()
  }

  async #prepared<T extends readonly BulkAnswer[]>(
    drafts: readonly Draft[],
    places: Places | undefined,
    enqueue: (places: Places | undefined) => Promise<T>,
  ): Promise<T> {
    const { plugins } = this.#context
    if (plugins !== undefined) await plugins.ready()
    return enqueuingMany(plugins, { drafts, places, work: 'asynchronous' }, enqueue)
  }

  async #atomically(drafts: readonly Draft[], places?: Places): Promise<EnqueuedHandle[]> {
    const { order, drawn } = bulkOrder(drafts, this.#ids, places)
    const specs: TaskSpec[] = []
    const fresh = new Set(drawn)
    const parts = {
      connection: this.#context.connection,
      ids: this.#ids,
      add: (group: TaskGroup) => this.#add(group),
    }
    try {
      for (const index of order) {
        const draft = drafts[index]!
        const made = draftSpec(draft, fresh, places?.get(draft))
        specs.push(made instanceof Promise ? await made : made)
      }
      const verdicts = await this.#admitted(specs, () => addWhole(specs, parts))
      const handles: EnqueuedHandle[] = Array.from(drafts, () => undefined as never)
      for (const [position, index] of order.entries()) {
        const added = { spec: specs[position]!, verdict: verdicts[position]! }
        handles[index] = handleOf(drafts[index]!.task, added, this.#context)
      }
      return handles
    } catch (error) {
      // nothing of it is left, or ever will run: under new ids it can be tried again
      if (codeOf(error) !== 'ambiguous') forgetIds(drawn)
      throw error
    }
  }

  async #bestEffort(drafts: readonly Draft[], places?: Places): Promise<BulkAnswer[]> {
    const { order, drawn } = bulkOrder(drafts, this.#ids, places)
    const fresh = new Set(drawn)
    const answers: BulkAnswer[] = Array.from(drafts, () => undefined as never)
    const indexes = new Map<TaskSpec, number>()
    const admissions = new Map<TaskSpec, Admission>()
    const stream = new Stream({
      platform: this.#context.connection.platform,
      batcherFor: (groups) => this.#batcherFor(groups),
      arrived: (spec, arrival) => {
        const index = indexes.get(spec)!
        admissions.get(spec)?.settled(createdBy(arrival))
        answers[index] = this.#bulkAnswer(drafts[index]!.task, spec, arrival)
      },
    })
    for (const index of order) {
      try {
        const draft = drafts[index]!
        const made = draftSpec(draft, fresh, places?.get(draft))
        const spec = made instanceof Promise ? await made : made
        const admitting = this.#context.budgets.admit([spec], this.#manner)
        const admission = admitting === undefined ? undefined : await admitting
        if (admission !== undefined) admissions.set(spec, admission)
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

  /** Adds what its budgets let in. */
  #admitted(
    specs: readonly TaskSpec[],
    add: (sinceMs?: number) => Promise<readonly AddVerdict[]>,
  ): Promise<readonly AddVerdict[]> {
    const admitting = this.#context.budgets.admit(specs, this.#manner)
    return admitting === undefined ? add() : this.#settling(admitting, add)
  }

  async #settling(
    admitting: Promise<Admission | undefined>,
    add: (sinceMs?: number) => Promise<readonly AddVerdict[]>,
  ): Promise<readonly AddVerdict[]> {
    // what the budgets took of the caller's patience is gone
    const sinceMs = this.#context.connection.platform.monotonicMs()
    const admission = await admitting
    if (admission === undefined) return add(sinceMs)
    let created: number | null = null
    try {
      const verdicts = await add(sinceMs)
      created = createdOf(verdicts)
      return verdicts
    } catch (error) {
      if (codeOf(error) !== 'ambiguous') created = 0
      throw error
    } finally {
      admission.settled(created)
    }
  }

  async #add(group: TaskGroup, sinceMs?: number): Promise<readonly AddVerdict[]> {
    this.#admit()
    const groups = [group]
    const [arrival] = await this.#batcherFor(groups).submit(groups, sinceMs)
    if (arrival!.outcome !== 'added') throw refusalOf(arrival!, group)
    return arrival!.tasks.map((verdict, index) => firstTime(group.tasks[index]!, verdict))
  }

  /** @throws StoreError while the store is down */
  #admit(): void {
    if (this.#manner === 'fails fast') this.#context.connection.admit()
  }

  #batcherFor(groups: readonly TaskGroup[]): Batcher {
    return groups.some(isKeyed) ? this.#keyed : this.#plain
  }

  #bulkAnswer(task: AnyTask, spec: TaskSpec, arrival: Arrival): BulkAnswer {
    if (arrival.outcome !== 'added')
      return rejected(refusalOf(arrival, { tasks: [spec], under: null, gate: null }))
    return handleOf(task, { spec, verdict: arrival.tasks[0]! }, this.#context)
  }
}

/** How many tasks of a group of one came to be; `null`: nobody knows. */
function createdBy(arrival: Arrival): number | null {
  if (arrival.outcome === 'failed') return codeOf(arrival.error) === 'ambiguous' ? null : 0
  return arrival.outcome === 'added' ? createdOf(arrival.tasks) : 0
}

function isKeyed(group: TaskGroup): boolean {
  return group.tasks.some((task) => task.unique !== null)
}

function mayBeThere(answer: BulkAnswer): boolean {
  return answer.outcome !== 'rejected' || answer.error.code === 'ambiguous'
}

/** @throws the error itself if it is none of ours: then something is broken, and no verdict on a draft */
function rejected(error: unknown): RejectedDraft {
  if (codeOf(error) === undefined) throw error
  return { outcome: 'rejected', error: error as MillraceError }
}
