/** What a case plays with: the stores of one home, its clock, and short ways to say usual things. */
import { StoreError } from '../task/errors.ts'
import { equal, holds, matches, only, present } from './expect.ts'
import { Worker } from './worker.ts'
import type { Bench } from './case.ts'
import type { Command, CommandOutcome } from '../store/control.ts'
import type { AddVerdict, GroupAnswer, SessionRequest, Store, TaskGroup } from '../store/port.ts'
import type { Nonce, TaskId, TaskRecord, TaskSpec, TaskState } from '../store/records.ts'

export const SECOND = 1_000
export const MINUTE: number = 60 * SECOND
export const HOUR: number = 60 * MINUTE
export const DAY: number = 24 * HOUR

export const NO_COUNTS = {
  claims: 0,
  failures: 0,
  crashes: 0,
  isolatedCrashes: 0,
  returns: 0,
  snoozes: 0,
  parks: 0,
  generation: 0,
} as const

const FINAL: readonly TaskState[] = ['succeeded', 'failed', 'cancelled']

export class Scene {
  readonly store: Store
  readonly #bench: Bench
  #drawn = 0

  constructor(bench: Bench) {
    this.#bench = bench
    this.store = bench.store
  }

  /** Another client of the home. */
  other(): Promise<Store> {
    return this.#bench.open()
  }

  /** A UUID. The order of ids is not the order in which they are drawn, so that no store can lean on it. */
  id(version: '5' | '7' = '7'): TaskId {
    const hex = this.#scrambled()
    return `${hex}-${hex.slice(0, 4)}-${version}${hex.slice(5)}-8${hex.slice(1, 4)}-${hex}0000`
  }

  nonce(): Nonce {
    const hex = this.#scrambled()
    return hex + hex
  }

  #scrambled(): string {
    this.#drawn += 1
    return (Math.imul(this.#drawn, 0x9e37_79b1) >>> 0).toString(16).padStart(8, '0')
  }

  /** An ordinary task, but for `changes`. */
  spec(changes: Partial<TaskSpec> = {}): TaskSpec {
    const id = changes.id ?? this.id(changes.idMadeBy === 'user' ? '5' : '7')
    return {
      idMadeBy: 'client',
      digest: id.slice(0, 8).padStart(16, 'd'),
      type: 'work',
      needs: [],
      queue: 'default',
      level: 2,
      lane: null,
      dueByMs: null,
      due: { inMs: 0 },
      held: false,
      payload: `{"of":"${id}"}`,
      policy: { retry: { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 60_000 } },
      timeoutMs: null,
      startByMs: null,
      deadlineMs: null,
      after: [],
      unique: null,
      tags: [],
      metadata: {},
      headers: {},
      ...changes,
      id,
    }
  }

  specs(count: number, changes: Partial<TaskSpec> = {}): readonly TaskSpec[] {
    return Array.from({ length: count }, () => this.spec(changes))
  }

  /** Enqueues groups, again as long as a lock is in their way. */
  async addGroups(groups: readonly Partial<TaskGroup>[], again = false): Promise<readonly GroupAnswer[]> {
    const whole = groups.map((group): TaskGroup => ({ tasks: [], under: null, gate: null, ...group }))
    const answers = [...(await persist(() => this.store.add({ groups: whole, again })))]
    for (const [index, group] of whole.entries()) {
      for (let tries = 0; answers[index]?.outcome === 'busy' && tries < 100; tries++) {
        answers[index] = only(await persist(() => this.store.add({ groups: [group], again: true })))
      }
    }
    return answers
  }

  /** Enqueues one group, and answers whatever becomes of it. */
  async group(tasks: readonly TaskSpec[], changes: Partial<TaskGroup> = {}): Promise<GroupAnswer> {
    return only(await this.addGroups([{ tasks, ...changes }], true))
  }

  /** Enqueues one group, which must be taken. */
  async add(...tasks: readonly TaskSpec[]): Promise<readonly AddVerdict[]> {
    return this.addAll(tasks)
  }

  async addAll(tasks: readonly TaskSpec[], changes: Partial<TaskGroup> = {}): Promise<readonly AddVerdict[]> {
    const answer = only(await this.addGroups([{ tasks, ...changes }]))
    holds(answer.outcome === 'added', `the group was not added: ${JSON.stringify(answer)}`)
    return answer.tasks
  }

  /** Enqueues one task. */
  async enqueue(changes: Partial<TaskSpec> = {}): Promise<TaskId> {
    const spec = this.spec(changes)
    await this.add(spec)
    return spec.id
  }

  /** Enqueues alike tasks in groups of 1 000. */
  async enqueueMany(count: number, changes: Partial<TaskSpec> = {}): Promise<readonly TaskId[]> {
    const specs = this.specs(count, changes)
    for (let from = 0; from < count; from += 1_000) await this.addAll(specs.slice(from, from + 1_000))
    return specs.map((spec) => spec.id)
  }

  /** Opens the session of a worker, whose lease is long unless told otherwise. */
  async worker(changes: Partial<SessionRequest> = {}, store: Store = this.store): Promise<Worker> {
    const request = this.session(changes)
    const answer = await store.openSession(request)
    equal(answer.session, 'alive', 'the new session')
    return new Worker(this, store, request)
  }

  session(changes: Partial<SessionRequest> = {}): SessionRequest {
    return {
      session: this.id(),
      ttlMs: HOUR,
      host: 'host',
      pid: 1,
      queues: ['default'],
      types: ['work'],
      offers: [],
      concurrency: 10,
      state: 'running',
      definitions: [],
      ...changes,
    }
  }

  /** The task, whole, which must be there and agree with itself. */
  async look(id: TaskId): Promise<TaskRecord> {
    const record = present(only(await this.store.get([id])), `task ${id}`)
    checkRecord(record)
    return record
  }

  /** Asserts members of a task. */
  async see(id: TaskId, expected: Partial<TaskRecord>): Promise<void> {
    matches(await this.look(id), expected, 'the task')
  }

  async seeAll(ids: readonly TaskId[], state: TaskState): Promise<void> {
    for (let from = 0; from < ids.length; from += 1_000) {
      const records = await this.store.get(ids.slice(from, from + 1_000))
      for (const record of records) equal(record?.state, state, `the state of ${record?.id}`)
    }
  }

  async gone(id: TaskId): Promise<void> {
    equal(await this.store.get([id]), [null], 'the removed task')
  }

  /** Commands one task. */
  async command(command: Command, id: TaskId, nonce: Nonce = this.nonce()): Promise<CommandOutcome> {
    const answer = await this.store.command({ nonce, command, target: { ids: [id] }, tasksMax: 1_000 })
    equal(answer.matched, answer.outcomes[0] === 'unknown' ? 0 : 1, 'matched')
    return only(answer.outcomes)
  }

  cancel(id: TaskId, reason: string | null = null): Promise<CommandOutcome> {
    return this.command({ kind: 'cancel', reason }, id)
  }

  remove(id: TaskId): Promise<CommandOutcome> {
    return this.command({ kind: 'remove' }, id)
  }

  restart(id: TaskId): Promise<CommandOutcome> {
    return this.command({ kind: 'retry', payload: null }, id)
  }

  async pass(ms: number): Promise<void> {
    await this.#bench.shiftClock(ms)
  }

  now(): Promise<number> {
    return this.store.now()
  }

  async passTo(at: number): Promise<void> {
    await this.pass(Math.max(at - (await this.now()), 0))
  }

  /**
   * Probes from just before a time until it has come. The probe answers the store time that it met, so that
   * this works on a clock that goes on by itself, and exactly on one that stands.
   */
  async approach(at: number, probe: () => Promise<number>): Promise<void> {
    await this.passTo(at - 10)
    while ((await probe()) < at) await this.pass(1)
  }

  /** Lets the upkeep resolve all edges that are left. */
  async deliver(tasksMax = 1_000): Promise<void> {
    await exhaust(() => this.store.deliver({ tasksMax }), tasksMax)
  }

  async sweep(tasksMax = 1_000): Promise<number> {
    return exhaust(() => this.store.sweep({ tasksMax }), tasksMax)
  }
}

/** Repeats a duty of the upkeep until nothing is left; answers how much it changed. */
export async function exhaust(
  duty: () => Promise<{ readonly changed: number; readonly more: boolean }>,
  changedMax: number,
): Promise<number> {
  let sum = 0
  for (let calls = 0; calls < 10_000; calls++) {
    const { changed, more } = await duty()
    holds(changed <= changedMax, `one call changed ${changed} tasks, ${changedMax} were allowed`)
    sum += changed
    if (!more) return sum
  }
  throw new Error('the upkeep never comes to an end')
}

/** Calls again after errors that are no last word, as core does. */
export async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof StoreError) || error.effect === 'final' || tries >= 100) throw error
    }
  }
}

/** What holds for any task at any time. */
function checkRecord(record: TaskRecord): void {
  const { state, counters } = record
  const { claims, failures, crashes, isolatedCrashes, returns, snoozes, parks } = counters
  const open = claims - (failures + crashes + returns + snoozes + parks)
  const openMin = state === 'running' || state === 'succeeded' ? 1 : 0
  const openMax = state === 'running' || FINAL.includes(state) ? 1 : 0
  const story = `${state}, ${JSON.stringify(counters)}`
  holds(openMin <= open && open <= openMax, `the claims do not add up: ${story}`)
  holds(isolatedCrashes <= crashes, `more isolated crashes than crashes: ${story}`)
  equal(record.blockers > 0, state === 'blocked', `a ${state} task with ${record.blockers} blockers`)
  equal(record.session !== null, state === 'running', `a ${state} task's having a session`)
  equal(record.finishedAt !== null, FINAL.includes(state), `a ${state} task's having an end`)
  equal(record.reason !== null, state === 'failed', `a ${state} task's having a reason`)
  if (state === 'succeeded') equal(record.payload, null, "a succeeded task's payload")
  else holds(record.payload !== null, `a ${state} task without its payload`)
  if (state !== 'succeeded') equal(record.result, null, `a ${state} task's result`)
  holds(record.history.length <= 100, 'a history longer than 100 entries')
  holds(record.logs.length <= 100, 'more than 100 log entries')
  for (const { detail } of record.history)
    holds(detail === null || detail.length <= 80, 'a detail that is too long')
}
