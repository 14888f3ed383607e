/** Enqueues one task, many, or a graph. */
import {
  AmbiguousError,
  codeOf,
  ConflictError,
  CycleError,
  FencedError,
  MillraceError,
  StoreError,
  TooLargeError,
  UniqueKeyError,
  UnknownParentError,
} from '../task/errors.ts'
import { checkedTaskId, IdMaker, newNonce } from '../task/ids.ts'
import { LIMITS } from '../task/limits.ts'
import { payloadSize } from '../task/codec.ts'
import { topologicalOrder } from '../policy/graph.ts'
import { Batcher, type Send } from './batcher.ts'
import { dependencyParts, specOf, type TaskDraft } from './specs.ts'
import { repeating } from './repeat.ts'
import { TaskHandle, type EnqueuedHandle, type HandleContext } from './handle.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Draft } from '../task/draft.ts'
import type { Platform } from '../platform/platform.ts'
import type { AddVerdict, GroupAnswer, Rejection, TaskGroup } from '../store/port.ts'
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

  constructor(context: HandleContext, pendingMax: number) {
    this.#context = context
    this.#ids = new IdMaker(context.connection.platform)
    const send: Send = (groups) => context.connection.call((store, again) => store.add({ groups, again }))
    this.#plain = new Batcher(send, pendingMax)
    this.#keyed = new Batcher(send, pendingMax)
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
    const order = this.#orderOf(drafts)
    const made = await Promise.all(drafts.map((draft) => this.#spec(draft)))
    const specs = order.map((index) => made[index]!)
    const chunks = chunked(specs)
    const verdicts = await (chunks.length > 1 ? this.#behindGate(chunks) : this.#group(groupOf(specs)))
    const handles: EnqueuedHandle[] = Array.from(drafts, () => undefined as never)
    for (const [position, index] of order.entries()) {
      handles[index] = this.#handle(drafts[index]!.task, specs[position]!, verdicts[position]!)
    }
    return handles
  }

  /** Each draft by itself: a rejected one takes none with it but those that wait for it. */
  async bestEffort(drafts: readonly Draft[]): Promise<BulkAnswer[]> {
    const order = this.#orderOf(drafts)
    const answers: BulkAnswer[] = Array.from(drafts, () => undefined as never)
    const specs: TaskSpec[] = []
    const indexes: number[] = []
    for (const index of order) {
      try {
        specs.push(await this.#spec(drafts[index]!))
        indexes.push(index)
      } catch (error) {
        if (codeOf(error) === undefined) throw error
        answers[index] = { outcome: 'rejected', error: error as MillraceError }
      }
    }
    let position = 0
    for (const chunk of chunked(specs)) {
      for (const answer of await this.#submit(chunk.map((spec) => groupOf([spec])))) {
        const index = indexes[position]!
        answers[index] = this.#bulkAnswer(drafts[index]!.task, specs[position]!, answer)
        position += 1
      }
    }
    return answers
  }

  /** Resolves when everything under way is answered. */
  async close(): Promise<void> {
    await Promise.all([this.#plain.close(), this.#keyed.close()])
  }

  async #spec(draft: Draft): Promise<TaskSpec> {
    const { id } = draft
    return { ...(await specOf(draft, this.#ids)), id: id! }
  }

  /** Gives every draft its id and puts parents before their dependents. */
  #orderOf(drafts: readonly Draft[]): readonly number[] {
    if (drafts.length > LIMITS.graphTasks) {
      throw new TooLargeError(`${drafts.length} tasks are given; ${LIMITS.graphTasks} are the most in one call.`)
    }
    const indexes = new Map<string, number>()
    for (const [index, draft] of drafts.entries()) {
      draft.id = draft.id === undefined ? this.#ids.next() : checkedTaskId(draft.id)
      indexes.set(draft.id, index)
    }
    const parents = drafts.map((draft) => parentsWithin(draft, indexes))
    const sorted = topologicalOrder(parents)
    if ('order' in sorted) return sorted.order
    throw new CycleError(`These tasks wait for each other in a circle: ${cycleText(sorted.cycle, drafts)}.`)
  }

  async #group(group: TaskGroup): Promise<readonly AddVerdict[]> {
    const [answer] = await this.#submit([group])
    switch (answer!.outcome) {
      case 'added':
        return answer!.tasks
      case 'rejected':
        throw rejectionError(answer!.rejection)
      case 'stale':
        throw new FencedError(group.under?.task ?? 'this task')
      case 'busy':
        throw busyError()
    }
  }

  /** Groups that met a lock are sent again by themselves, while there is patience. */
  async #submit(groups: readonly TaskGroup[]): Promise<readonly GroupAnswer[]> {
    const batcher = groups.some(isKeyed) ? this.#keyed : this.#plain
    const answers = await batcher.submit(groups)
    if (!answers.some(isBusy)) return answers
    const { platform } = this.#context.connection
    return Promise.all(answers.map((answer, index) => (isBusy(answer) ? resubmit(platform, batcher, groups[index]!) : answer)))
  }

  /** More than one request can carry: written behind a gate, which one operation opens, or taken back. */
  async #behindGate(chunks: readonly (readonly TaskSpec[])[]): Promise<readonly AddVerdict[]> {
    const { connection } = this.#context
    const gate = this.#ids.next()
    const verdicts: AddVerdict[] = []
    const written: string[] = []
    try {
      for (const chunk of chunks) {
        const answers = await this.#group({ tasks: chunk, under: null, gate })
        verdicts.push(...answers)
        for (const [index, answer] of answers.entries()) if (answer.outcome === 'created') written.push(chunk[index]!.id)
      }
    } catch (error) {
      await this.#takeBack(written)
      throw error
    }
    if ((await connection.call((store) => store.openGate(gate))) === 'gone') throw rejectionError({ code: 'gate-gone', gate })
    return verdicts
  }

  async #takeBack(ids: readonly string[]): Promise<void> {
    const { connection } = this.#context
    try {
      for (let from = 0; from < ids.length; from += LIMITS.batchTasks) {
        const target = { ids: ids.slice(from, from + LIMITS.batchTasks) }
        const nonce = newNonce(connection.platform)
        const command = { nonce, command: { kind: 'remove' }, target, tasksMax: LIMITS.batchTasks } as const
        await connection.call((store) => store.command(command))
      }
    } catch (error) {
      connection.logger.warn({ error }, 'an atomic bulk was not taken back; the sweep removes its tasks, which never start')
    }
  }

  #bulkAnswer(task: AnyTask, spec: TaskSpec, answer: GroupAnswer): BulkAnswer {
    switch (answer.outcome) {
      case 'added':
        return this.#handle(task, spec, answer.tasks[0]!)
      case 'rejected':
        return { outcome: 'rejected', error: rejectionError(answer.rejection) }
      case 'stale':
        return { outcome: 'rejected', error: new FencedError(spec.id) }
      case 'busy':
        return { outcome: 'rejected', error: busyError() }
    }
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

function isBusy(answer: GroupAnswer): boolean {
  return answer.outcome === 'busy'
}

function resubmit(platform: Platform, batcher: Batcher, group: TaskGroup): Promise<GroupAnswer> {
  return repeating(platform, async () => {
    const [answer] = await batcher.submit([group])
    if (isBusy(answer!)) throw busyError()
    return answer!
  })
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
      return new AmbiguousError('Writing this graph took longer than an hour; it was given up, and none of it will run.')
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
    const id = typeof reference === 'string' ? reference.toLowerCase() : reference.id
    const index = id === undefined ? undefined : indexes.get(id)
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
