/** What the processes of a crowd have told, and what follows from it together with what the store says of its tasks. */
import type { Mill, TaskListItem } from 'millrace'
import { WITHIN_MS } from './key-play.ts'
import type { Span } from './spans.ts'
import type { Told } from './protocol.ts'

export class Journal {
  /** By task, the first time after which it certainly was there. */
  readonly #there = new Map<string, number>()
  /** By task, when its handler was called, each time. */
  readonly #started = new Map<string, number[]>()
  readonly #answers = new Map<string, number>()

  readonly hear = (told: Told): void => {
    switch (told.kind) {
      case 'ready':
        return
      case 'started':
        for (const id of told.ids) this.#started.set(id, [...(this.#started.get(id) ?? []), told.at + 1])
        this.#see(told)
        return
      case 'acknowledged':
        this.#see(told)
        return
      case 'answers':
        for (const [answer, count] of Object.entries(told.counts))
          this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + count)
    }
  }

  get answers(): ReadonlyMap<string, number> {
    return this.#answers
  }

  /** The first time after which a task certainly was there. */
  thereFrom(id: string): number | undefined {
    return this.#there.get(id)
  }

  /** When its handler certainly was at work, at the beginning of each attempt that told of it. */
  startsOf(id: string): readonly number[] {
    return this.#started.get(id) ?? []
  }

  /** The clock is read in whole milliseconds, downwards. */
  #see({ ids, at }: { readonly ids: readonly string[]; readonly at: number }): void {
    for (const id of ids) this.#there.set(id, Math.min(this.#there.get(id) ?? Infinity, at + 1))
  }

  /**
   * The spans in which tasks certainly held their keys. What the store answered was there before the answer was; the
   * times of its history are read before the operations that they tell of are seen. So each span lies within the true
   * one, and two that overlap are two holders at once.
   */
  async keySpans(mill: Mill, tasks: readonly TaskListItem[]): Promise<readonly Span[]> {
    const spans: Span[] = []
    for (const task of tasks) {
      const from = this.#there.get(task.id)
      if (task.uniqueKey === null || from === undefined) continue
      const to = await heldUntil(mill, task)
      if (from < to) spans.push({ key: task.uniqueKey, holder: task.id, from, to })
    }
    return spans
  }
}

async function heldUntil(mill: Mill, task: TaskListItem): Promise<number> {
  const { type, enqueuedAt, finishedAt, cancel } = task
  const end = finishedAt ?? Infinity
  if (type === 'live') return end
  if (type === 'waiting') return Math.min(end, (await firstClaim(mill, task)) ?? Infinity)
  return cancel?.reason === 'replaced' ? end : enqueuedAt + WITHIN_MS
}

/** When it lost its key for the first time: whether it took it again nobody has told. */
async function firstClaim(mill: Mill, { id, counters, startedAt }: TaskListItem): Promise<number | null> {
  if (counters.claims < 2) return startedAt
  const history = await mill.tasks.history(id)
  return history.find(({ event }) => event === 'claimed')?.at ?? null
}
