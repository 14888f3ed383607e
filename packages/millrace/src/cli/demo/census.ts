/** What the store says about the tasks of a run: all that the demo reports is counted here. */
import type { Mill, TaskListItem, TaskQuery } from '@millrace/core'
import type { HistoryEntry } from '@millrace/core/store'
import { FOLDER_TAG, TASKS } from './example.ts'

const PAGE = 1_000
/** What has ended since the last look is not much. */
const RECENT = 100
/** Histories that are read at the same time. */
const ABREAST = 100
/** How much later than others an end may come to be seen: a store may date it before it is committed. */
const TIE_MS = 1_000

const OUTCOMES: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled'])
const FINAL = ['succeeded', 'failed', 'cancelled'] as const

export interface Counts {
  readonly files: number
  readonly packages: number
  readonly reports: number
  /** Folders that could not be read. */
  readonly folders: number
}

export interface Audit {
  /** Tasks that have not ended, or are gone. */
  readonly lost: number
  /** Tasks with more than one accepted outcome. */
  readonly acceptedTwice: number
  /** Of the tasks that were asked about: how many were taken over, and when the last one was. */
  readonly takenOver: number
  readonly takenOverAt: number | null
}

export class Census {
  readonly #mill: Mill
  readonly #run: string
  readonly #seen = new Set<string>()
  readonly #counts = { files: 0, packages: 0, reports: 0, folders: 0 }
  #newest = 0

  constructor(mill: Mill, run: string) {
    this.#mill = mill
    this.#run = run
  }

  get counts(): Counts {
    return this.#counts
  }

  /** Reads what has ended since the last time: final tasks come newest first, so it stops where it was. */
  async update(): Promise<void> {
    const known = this.#newest - TIE_MS
    for await (const task of tasksOf(this.#mill, { state: FINAL }, known > 0 ? RECENT : PAGE)) {
      const at = task.finishedAt ?? 0
      if (at < known) return
      if (!task.tags.includes(this.#run)) continue
      this.#newest = Math.max(this.#newest, at)
      if (!this.#seen.has(task.id)) this.#add(task)
    }
  }

  /** Which tasks run under which session. */
  async running(): Promise<ReadonlyMap<string, readonly string[]>> {
    const held = new Map<string, string[]>()
    for await (const { id, session } of tasksOf(this.#mill, { state: 'running', tag: this.#run })) {
      if (session !== null) held.set(session, [...(held.get(session) ?? []), id])
    }
    return held
  }

  /**
   * Reads the history of every task of the run.
   *
   * @param asked the tasks that a killed worker held
   * @param expected how many tasks the run has
   */
  async audit({
    asked,
    expected,
  }: {
    readonly asked: readonly string[]
    readonly expected: number
  }): Promise<Audit> {
    const ids: string[] = []
    let open = 0
    for await (const { id, state } of tasksOf(this.#mill, { tag: this.#run })) {
      ids.push(id)
      if (!OUTCOMES.has(state)) open += 1
    }
    const victims = new Set(asked)
    const takeOvers: number[] = []
    let acceptedTwice = 0
    for (let from = 0; from < ids.length; from += ABREAST) {
      const some = ids.slice(from, from + ABREAST)
      const histories = await Promise.all(some.map((id) => this.#mill.tasks.history(id)))
      for (const [index, history] of histories.entries()) {
        if (outcomesIn(history) > 1) acceptedTwice += 1
        const taken = victims.has(some[index]!)
          ? history.find((entry) => entry.event === 'reclaimed')
          : undefined
        if (taken !== undefined) takeOvers.push(taken.at)
      }
    }
    return {
      lost: open + Math.max(0, expected - ids.length),
      acceptedTwice,
      takenOver: takeOvers.length,
      takenOverAt: takeOvers.length === 0 ? null : Math.max(...takeOvers),
    }
  }

  #add({ id, type, tags }: TaskListItem): void {
    this.#seen.add(id)
    if (type === TASKS.file) this.#counts[tags.includes(FOLDER_TAG) ? 'folders' : 'files'] += 1
    if (type === TASKS.package) this.#counts.packages += 1
    if (type === TASKS.report) this.#counts.reports += 1
  }
}

/** All tasks that a query matches, page by page. */
export async function* tasksOf(
  mill: Mill,
  query: TaskQuery,
  limit: number = PAGE,
): AsyncGenerator<TaskListItem> {
  let cursor: string | undefined
  do {
    const page = await mill.tasks.list({ ...query, limit, cursor })
    yield* page.tasks
    cursor = page.next
  } while (cursor !== undefined)
}

/** Outcomes since the task was last started over by an operator. */
function outcomesIn(history: readonly HistoryEntry[]): number {
  const from = history.findLastIndex((entry) => entry.event === 'restarted') + 1
  return history.slice(from).filter((entry) => OUTCOMES.has(entry.event)).length
}
