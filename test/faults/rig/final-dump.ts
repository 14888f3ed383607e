/** All that a store holds at the end, and whether its counts are a recount's. */
import type { Store } from '@millrace/core'
import type { TaskId, TaskRecord } from '@millrace/core/store'

const PAGE = 1_000

export interface FinalDump {
  readonly tasks: readonly TaskRecord[]
  /** In words; none, if what the store has counted is what it holds. */
  readonly miscounts: readonly string[]
}

export async function dump(store: Store): Promise<FinalDump> {
  const tasks = await allTasks(store)
  const queues = await store.queues()
  const counted = new Map(queues.map(({ queue, counts }) => [queue, counts]))
  const held = new Map<string, Map<string, number>>()
  for (const { queue, state } of tasks) {
    const states = held.get(queue) ?? new Map<string, number>()
    states.set(state, (states.get(state) ?? 0) + 1)
    held.set(queue, states)
  }
  const miscounts = [...held].flatMap(([queue, states]) => {
    const { scheduled = 0, ready = 0, held: kept = 0, ...counts } = counted.get(queue) ?? {}
    const all = { ...counts, pending: scheduled + ready + kept }
    return Object.entries(all)
      .filter(([state, count]) => (states.get(state) ?? 0) !== count)
      .map(([state, count]) => `${queue}: ${count} ${state} by count, ${states.get(state) ?? 0} by recount`)
  })
  return { tasks, miscounts }
}

async function allTasks(store: Store): Promise<readonly TaskRecord[]> {
  const tasks: TaskRecord[] = []
  const seen = new Set<TaskId>()
  let cursor: string | null = null
  do {
    const page = await store.list({ filter: {}, limit: PAGE, cursor })
    const ids = page.tasks.map(({ id }) => id).filter((id) => !seen.has(id))
    for (const id of ids) seen.add(id)
    for (const record of await store.get(ids)) if (record !== null) tasks.push(record)
    cursor = page.next
  } while (cursor !== null)
  return tasks
}

/** The number of the call that enqueued it. */
export function numberOf({ metadata }: TaskRecord): number {
  return Number(metadata['call'])
}
