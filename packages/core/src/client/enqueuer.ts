/** Enqueues one task, many, or a graph. */
import {
  AmbiguousError,
  codeOf,
  ConflictError,
  CycleError,
  FencedError,
  type MillraceError,
  StoreError,
  TooLargeError,
  UniqueKeyError,
  UnknownParentError,
} from '../task/errors.ts'
import { checkedTaskId, IdMaker, newNonce } from '../task/ids.ts'
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import { topologicalOrder } from '../policy/graph.ts'
import { Batcher, type Arrival, type Send } from './batcher.ts'
import { dependencyParts, specOf, type TaskDraft } from './specs.ts'
import { TaskHandle, type EnqueuedHandle, type HandleContext } from './handle.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Draft } from '../task/draft.ts'
import type { AddVerdict, Rejection, TaskGroup } from '../store/port.ts'
import type { Fence, TaskId, TaskSpec } from '../store/records.ts'

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

  constructor(context: HandleContext, pendingMax: number) {
    const { connection } = context
    const { platform } = connection
    this.#context = context
    this.#ids = new IdMaker(platform)
    const send: Send = (groups) => connection.call((store, again) => store.add({ groups, again }))
    this.#plain = new Batcher({ send, platform, pendingMax })
    this.#keyed = new Batcher({ send, platform, pendingMax })
  }

  /** @param under the running task in whose name it is enqueued */
  async one<D extends AnyTask>(draft: TaskDraft<D>, under: Fence | null = null): Promise<EnqueuedHandle<D>> {
    const made = specOf(draft, this.#ids)
    const spec = made instanceof Promise ? await made : made
    const [verdict] = await this.#group({ tasks: [spec], under, gate: null })
    return this.#handle(draft.task, spec, verdict!)
  }

  /** All or nothing. */
  async atomically(drafts: readonly Draft[]): Promise<EnqueuedHandle[]> {
    if (drafts.length === 0) return []
    const { order, drawn } = this.#prepare(drafts)
    const fresh = new Set(drawn)
    const specs = await Promise.all(order.map((index) => this.#spec(drafts[index]!, fresh)))
    const verdicts = await this.#whole(specs).catch((error: unknown) => {
      // nothing of it is left, or ever will run: under new ids it can be tried again
      if (codeOf(error) !== 'ambiguous') for (const draft of drawn) draft.id = undefined
      throw error
    })
    const handles: EnqueuedHandle[] = Array.from(drafts, () => undefined as never)
    for (const [position, index] of order.entries()) {
      handles[index] = this.#handle(drafts[index]!.task, specs[position]!, verdicts[position]!)
    }
    return handles
  }

  /** Each draft by itself: a rejected one takes none with it but those that wait for it. */
  async bestEffort(drafts: readonly Draft[]): Promise<BulkAnswer[]> {
    const { order, drawn } = this.#prepare(drafts)
    const answers: BulkAnswer[] = Array.from(drafts, () => undefined as never)
    const specs: TaskSpec[] = []
    const indexes: number[] = []
    for (const index of order) {
      try {
        specs.push(await this.#spec(drafts[index]!, drawn))
        indexes.push(index)
      } catch (error) {
        answers[index] = rejected(error)
      }
    }
    for (const [position, arrival] of (await this.#each(specs)).entries()) {
      const index = indexes[position]!
      answers[index] = this.#bulkAnswer(drafts[index]!.task, specs[position]!, arrival)
    }
    return answers
  }

  /** Resolves when everything under way is answered. */
  async close(): Promise<void> {
    await Promise.all([this.#plain.close(), this.#keyed.close()])
  }

  /** @param fresh drafts whose ids were drawn just now and not used yet: any other may be known to the store */
  async #spec(draft: Draft, fresh: Set<Draft>): Promise<TaskSpec> {
    const id = checkedTaskId(draft.id)
    const idMadeBy = fresh.delete(draft) ? 'client' : 'user'
    return { ...(await specOf(draft, this.#ids)), id, idMadeBy }
  }

  /** Gives every draft its id and puts parents before their dependents. */
  #prepare(drafts: readonly Draft[]): {
    readonly order: readonly number[]
    readonly drawn: Set<Draft>
  } {
    if (drafts.length > LIMITS.graphTasks) {
      throw new TooLargeError(
        `${drafts.length} tasks are given; ${LIMITS.graphTasks} are the most in one call.`,
      )
    }
    const drawn = new Set(drafts.filter((draft) => draft.id === undefined))
    for (const draft of drawn) draft.id = this.#ids.next()
    // of a draft that is given twice the first one counts
    const entries = drafts.map((draft, index) => [String(draft.id).toLowerCase(), index] as const)
    const indexes = new Map(entries.toReversed())
    const sorted = topologicalOrder(drafts.map((draft) => parentsWithin(draft, indexes)))
    if ('order' in sorted) return { order: sorted.order, drawn }
    throw new CycleError(`These tasks wait for each other in a circle: ${cycleText(sorted.cycle, drafts)}.`)
  }

  async #group(group: TaskGroup): Promise<readonly AddVerdict[]> {
    const [arrival] = await this.#submit([group])
    if (arrival!.outcome !== 'added') throw refusalOf(arrival!, group)
    return arrival!.tasks.map((verdict, index) => firstTime(group.tasks[index]!, verdict))
  }

  #submit(groups: readonly TaskGroup[]): Promise<readonly Arrival[]> {
    return (groups.some(isKeyed) ? this.#keyed : this.#plain).submit(groups)
  }

  /** What became of each, in order. Once the store cannot be reached the rest is not tried any more. */
  async #each(specs: readonly TaskSpec[]): Promise<readonly Arrival[]> {
    const arrivals: Arrival[] = []
    let broken: Arrival | undefined
    for (const chunk of chunked(specs)) {
      const some = broken === undefined ? await this.#submitEach(chunk) : Array.from(chunk, () => broken!)
      if (some.every(({ outcome }) => outcome === 'failed')) broken = some[0]
      arrivals.push(...some)
    }
    return arrivals
  }

  async #submitEach(specs: readonly TaskSpec[]): Promise<readonly Arrival[]> {
    try {
      return await this.#submit(specs.map((spec) => groupOf([spec])))
    } catch (error) {
      return specs.map(() => ({ outcome: 'failed', error }))
    }
  }

  async #whole(specs: readonly TaskSpec[]): Promise<readonly AddVerdict[]> {
    const chunks = chunked(specs)
    return chunks.length > 1 ? this.#behindGate(chunks) : this.#group(groupOf(specs))
  }

  /** More than one request can carry: written behind a gate, which one operation opens, or taken back. */
  async #behindGate(chunks: readonly (readonly TaskSpec[])[]): Promise<readonly AddVerdict[]> {
    const { connection } = this.#context
    const gate = this.#ids.next()
    const verdicts: AddVerdict[] = []
    const written: TaskId[] = []
    try {
      for (const chunk of chunks) {
        const answers = await this.#group({ tasks: chunk, under: null, gate })
        verdicts.push(...answers)
        for (const [index, { id, idMadeBy }] of chunk.entries()) {
          // a removed task leaves a tombstone, and who gave the id may want to use it again: it waits for that, or is swept
          if (answers[index]!.outcome === 'created' && idMadeBy === 'client') written.push(id)
        }
      }
    } catch (error) {
      await this.#takeBack(written)
      throw error
    }
    if ((await connection.call((store) => store.openGate(gate))) === 'gone')
      throw rejectionError({ code: 'gate-gone', gate })
    return verdicts
  }

  async #takeBack(ids: readonly TaskId[]): Promise<void> {
    const { connection } = this.#context
    try {
      for (let from = 0; from < ids.length; from += LIMITS.batchTasks) {
        const target = { ids: ids.slice(from, from + LIMITS.batchTasks) }
        const nonce = newNonce(connection.platform)
        const command = { nonce, command: { kind: 'remove' }, target, tasksMax: LIMITS.batchTasks } as const
        await connection.call((store) => store.command(command))
      }
    } catch (error) {
      connection.logger.warn(
        { error },
        'an atomic bulk was not taken back; the sweep removes its tasks, which never start',
      )
    }
  }

  #bulkAnswer(task: AnyTask, spec: TaskSpec, arrival: Arrival): BulkAnswer {
    if (arrival.outcome !== 'added') return rejected(refusalOf(arrival, groupOf([spec])))
    return this.#handle(task, spec, firstTime(spec, arrival.tasks[0]!))
  }

  #handle<D extends AnyTask>(task: D, spec: TaskSpec, verdict: AddVerdict): EnqueuedHandle<D> {
    const id = verdict.outcome === 'duplicate' ? verdict.by.id : spec.id
    return Object.assign(new TaskHandle(task, id, this.#context), verdict)
  }
}

function groupOf(tasks: readonly TaskSpec[]): TaskGroup {
  return { tasks, under: null, gate: null }
}

function isKeyed(group: TaskGroup): boolean {
  return group.tasks.some((task) => task.unique !== null)
}

const CREATED: AddVerdict = { outcome: 'created' }

/** An id that was drawn just now is known to the store only if the call had to be repeated: it was ours that came first. */
function firstTime({ id, idMadeBy }: TaskSpec, verdict: AddVerdict): AddVerdict {
  return idMadeBy === 'client' && verdict.outcome === 'duplicate' && verdict.by.id === id ? CREATED : verdict
}

/** @throws the error itself if it is none of ours: then something is broken, and no verdict on a draft */
function rejected(error: unknown): RejectedDraft {
  if (codeOf(error) === undefined) throw error
  return { outcome: 'rejected', error: error as MillraceError }
}

function refusalOf(
  arrival: Exclude<Arrival, { readonly outcome: 'added' }>,
  { tasks, under }: TaskGroup,
): unknown {
  switch (arrival.outcome) {
    case 'rejected':
      return rejectionError(arrival.rejection)
    case 'stale':
      return new FencedError(under?.task ?? 'this task')
    case 'busy':
      return busyError()
    case 'failed':
      return tasks.length === 1 ? namedError(arrival.error, tasks[0]!) : arrival.error
  }
}

/** To repeat an enqueue under the same id one has to know it. */
function namedError(error: unknown, { id }: TaskSpec): unknown {
  if (codeOf(error) !== 'ambiguous') return error
  const { message, cause } = error as AmbiguousError
  const hint = `Repeat the call with { id: '${id}' }: a task is never created twice under one id.`
  return new AmbiguousError(message, { cause, hint })
}

function busyError(): StoreError {
  return new StoreError('store-busy', 'Somebody held a lock that this enqueue needs for too long.', {
    effect: 'none',
    hint: 'Nothing was written: try again.',
  })
}

function rejectionError(rejection: Rejection): MillraceError {
  switch (rejection.code) {
    case 'conflict':
      return new ConflictError(rejection.id)
    case 'unique':
      return new UniqueKeyError(rejection.key, rejection.by)
    case 'unknown-parent':
      return new UnknownParentError(rejection.parent)
    case 'gate-gone':
      return new AmbiguousError(
        'Writing this graph took longer than an hour; it was given up, and none of it will run.',
      )
  }
}

/** A circle may be as long as the graph; its beginning says enough. */
function cycleText(cycle: readonly number[], drafts: readonly Draft[]): string {
  const names = cycle.slice(0, 10).map((index) => drafts[index]!.task.name)
  return [...names, cycle.length > 10 ? `… (${cycle.length} tasks)` : names[0]].join(' after ')
}

function parentsWithin(draft: Draft, indexes: ReadonlyMap<string, number>): number[] {
  const parents: number[] = []
  for (const dependency of draft.options.after ?? []) {
    const { reference } = dependencyParts(dependency)
    const id = typeof reference === 'string' ? reference : reference.id
    const index = id === undefined ? undefined : indexes.get(id.toLowerCase())
    if (index !== undefined) parents.push(index)
  }
  return parents
}

/** Cut into what one request may carry. */
function chunked(specs: readonly TaskSpec[]): TaskSpec[][] {
  const chunks: TaskSpec[][] = []
  let chunk: TaskSpec[] = []
  let bytes = 0
  for (const spec of specs) {
    bytes += payloadSize(spec.payload)
    if (chunk.length > 0 && (chunk.length >= LIMITS.batchTasks || bytes > LIMITS.batchBytes)) {
      chunks.push(chunk)
      chunk = []
      bytes = payloadSize(spec.payload)
    }
    chunk.push(spec)
  }
  if (chunk.length > 0) chunks.push(chunk)
  return chunks
}
