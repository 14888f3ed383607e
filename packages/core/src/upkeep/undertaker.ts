/**
 * Enqueues what a definition asks for when one of its tasks has failed for good, whatever ended it: a handler, a crash, a
 * time limit, another task. It reads what failed from the store, so that no end is told by a process that may die
 * first. Each follow-up has an id that belongs to the death: several workers at it, and looks that meet, make one task.
 */
import { attemptOf } from '../policy/attempts.ts'
import { codeOf } from '../task/errors.ts'
import { taskId } from '../task/ids.ts'
import { LIMITS } from '../task/limits.ts'
import type { Connection } from '../client/connection.ts'
import type { Enqueuer } from '../client/enqueuer.ts'
import type { AnyTask } from '../task/definition.ts'
import type { DeadLetter } from '../task/dead-letter.ts'
import type { ListAnswer, ListRequest } from '../store/inspection.ts'
import type { TaskId, TaskSummary } from '../store/records.ts'

/** What died while no worker knew its definition is found for so long; a store remembers the ids of follow-ups for a day. */
const FIRST_BACK_MS = 12 * 3_600_000
/** An end may be seen after others that came later: each look goes back a bit behind the last one, and now and then more. */
const BACK_MS = 5_000
const FAR_BACK_MS = 120_000
const FAR_EVERY = 12

export interface UndertakerParts {
  readonly connection: Connection
  readonly enqueuer: Pick<Enqueuer, 'one'>
  /** By the types of those that die, what is to be enqueued then. */
  readonly deadLetters: ReadonlyMap<string, AnyTask>
  failed(error: unknown, doing: string): void
}

export class Undertaker {
  readonly #parts: UndertakerParts
  /** Since when, by store time, nobody has looked; `null`: not at all yet. */
  #since: number | null = null
  #looks = 0

  constructor(parts: UndertakerParts) {
    this.#parts = parts
  }

  /** Whether there is anything to do for it. */
  get isNeeded(): boolean {
    return this.#parts.deadLetters.size > 0
  }

  /** @throws StoreError, BackpressureError, PluginError: the next look begins where this one began */
  async look(): Promise<void> {
    const { connection } = this.#parts
    const now = await connection.read((store) => store.now(), 'insists')
    const endedSince = this.#since ?? Math.max(now - FIRST_BACK_MS, 0)
    const filter = { states: ['failed'] } as const
    let cursor: string | null = null
    // what a plugin refuses keeps no other follow-up
    let refused: Error | undefined
    do {
      const request: ListRequest = { filter, limit: LIMITS.batchTasks, cursor, endedSince }
      const page: ListAnswer = await connection.read((store) => store.list(request), 'insists')
      const refusal = await this.#bury(page.tasks)
      refused ??= refusal
      cursor = page.next
    } while (cursor !== null)
    if (refused !== undefined) throw refused
    this.#looks += 1
    this.#since = Math.max(now - (this.#looks % FAR_EVERY === 0 ? FAR_BACK_MS : BACK_MS), 0)
  }

  /** Answers what a plugin threw. */
  async #bury(failed: readonly TaskSummary[]): Promise<Error | undefined> {
    const { connection, deadLetters } = this.#parts
    const dead = failed.filter(({ type }) => deadLetters.has(type))
    if (dead.length === 0) return undefined
    const ids = dead.map(letterId)
    const known = await connection.read((store) => store.outcomes({ ids, bytesMax: 0 }), 'insists')
    const fresh = dead.filter((_, index) => known[index] === null)
    const refusals = await Promise.all(fresh.map((task) => this.#enqueue(task)))
    return refusals.find((refusal) => refusal !== undefined)
  }

  async #enqueue(task: TaskSummary): Promise<Error | undefined> {
    const { enqueuer, deadLetters } = this.#parts
    const follower = deadLetters.get(task.type)!
    try {
      await enqueuer.one({ task: follower, input: letterOf(task), options: { id: letterId(task) } })
    } catch (error) {
      const code = codeOf(error)
      if (code === 'plugin') return error as Error
      if (code === undefined || !FINAL.has(code)) throw error
      if (!DONE.has(code)) this.#parts.failed(error, `enqueuing the dead letter of ${task.id}`)
    }
    return undefined
  }
}

/** Somebody enqueued it already: from another version of the definition, or under the same unique key. */
const DONE: ReadonlySet<string> = new Set(['conflict', 'unique'])
/** What another try does not change. */
const FINAL: ReadonlySet<string> = new Set([...DONE, 'invalid-payload', 'invalid-argument', 'too-large'])

/** One for each time that the task dies. */
function letterId({ id, counters }: TaskSummary): TaskId {
  return taskId('dead-letter', id, String(counters.generation))
}

function letterOf(task: TaskSummary): DeadLetter {
  const { id, type, queue, reason, error, finishedAt, tags, metadata } = task
  return {
    id,
    type,
    queue,
    reason: reason ?? 'error',
    error: error === null ? null : { name: error.name, message: error.message, code: error.code },
    attempts: attemptOf(task),
    diedAt: finishedAt ?? 0,
    tags: [...tags],
    metadata: { ...metadata },
  }
}
