/** `mill.tasks.explain`: brings the facts together, and lets `policy/explanation` tell what they mean. */
import { checkedTaskId } from '../task/ids.ts'
import { countsUnder } from '../policy/explanation/room.ts'
import { explain, type Account } from '../policy/explanation/explain.ts'
import { FINAL_STATES } from '../store/records.ts'
import { shownItem, type ShownState } from './status.ts'
import { statesOf } from './states.ts'
import type { Connection } from './connection.ts'
import type { Facts, Kin, Parent } from '../policy/explanation/facts.ts'
import type { LimitRecord } from '../store/flow.ts'
import type { Standing } from '../store/inspection.ts'
import type { Store } from '../store/port.ts'
import type { TaskId, TaskRecord, TaskSummary } from '../store/records.ts'

/** Why a task has not started, what it is doing, or why it ended as it did. */
export interface Explanation extends Account {
  readonly id: TaskId
  /** `removed`: the store only remembers its id; `unknown`: not even that. */
  readonly state: ShownState | 'removed' | 'unknown'
  /** `null`: nobody knows any more. */
  readonly type: string | null
  readonly queue: string | null
  /** Store time at which that was so. */
  readonly at: number
}

/** So far those before it are counted. */
const COUNT_MAX = 10_000
/** So many tasks that ended last tell how long one runs. */
const RECENT = 100

export class Explainer {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws InvalidArgumentError, StoreError */
  async explain(given: TaskId): Promise<Explanation> {
    const id = checkedTaskId(given)
    return this.#connection.operation(async () => {
      const facts = await this.#factsOf(id)
      const { task, now, buried } = facts
      return {
        id,
        state: task === null ? (buried === null ? 'unknown' : 'removed') : shownItem(task, now).state,
        type: task?.type ?? null,
        queue: task?.queue ?? null,
        at: now,
        ...explain(facts),
      }
    })
  }

  async #factsOf(id: TaskId): Promise<Facts> {
    const [task] = await this.#read((store) => store.get([id]))
    if (task === undefined || task === null) return this.#factsOfNobody(id)
    const [standing, sessions, limits, weight, recent] = await Promise.all([
      this.#read((store) => store.standing({ id, countMax: COUNT_MAX })),
      this.#read((store) => store.sessions()),
      this.#limitsOf(task),
      this.#weightOf(task),
      this.#recentOf(task),
    ])
    const kin = await this.#kinOf(task, standing)
    const now = await this.#read((store) => store.now())
    return { now, task, buried: null, standing, sessions, limits, weight, recent, ...kin }
  }

  async #factsOfNobody(id: TaskId): Promise<Facts> {
    const states = await this.#statesOf([id])
    return {
      now: await this.#read((store) => store.now()),
      task: null,
      buried: states.get(id) ?? null,
      standing: null,
      parents: [],
      first: null,
      keyHolder: null,
      sessions: [],
      limits: [],
      weight: 1,
      recent: [],
    }
  }

  /** Its parents, who comes first in its series, and who holds its unique key. */
  async #kinOf(
    { id, after }: TaskRecord,
    standing: Standing | null,
  ): Promise<Pick<Facts, 'parents' | 'first' | 'keyHolder'>> {
    const { first = null, keyHolder = null } = standing ?? {}
    const others = [first, keyHolder].filter((other) => other !== null && other !== id) as TaskId[]
    const states = await this.#statesOf([...others, ...after.map(({ parent }) => parent)])
    const kinOf = (other: TaskId | null): Kin | null =>
      other === null || other === id ? null : { id: other, state: states.get(other) ?? 'gone' }
    return {
      parents: after.map(({ parent, ifFailed }): Parent => {
        return { id: parent, state: states.get(parent) ?? 'gone', ifFailed }
      }),
      first: kinOf(first),
      keyHolder: kinOf(keyHolder),
    }
  }

  #statesOf(ids: readonly TaskId[]): ReturnType<typeof statesOf> {
    return statesOf(ids, (request) => this.#read((store) => store.outcomes(request)))
  }

  async #limitsOf(task: TaskRecord): Promise<readonly LimitRecord[]> {
    const under = countsUnder(task)
    const names = under.map(({ name }) => name)
    const keys = [...new Set(under.map(({ key }) => key))]
    const request = { names, limit: names.length, cursor: null, keysMax: keys.length, keys }
    return (await this.#read((store) => store.limits(request))).limits
  }

  async #weightOf({ lane }: TaskRecord): Promise<number> {
    if (lane === null || lane.partition === null) return 1
    const partitions = await this.#read((store) => store.partitions())
    return partitions.find(({ partition }) => partition === lane.partition)?.weight ?? 1
  }

  async #recentOf({ state, queue }: TaskRecord): Promise<readonly TaskSummary[]> {
    if (state !== 'pending') return []
    const request = { filter: { states: FINAL_STATES, queue }, limit: RECENT, cursor: null }
    return (await this.#read((store) => store.list(request))).tasks
  }

  #read<T>(look: (store: Store) => Promise<T>): Promise<T> {
    return this.#connection.read(look)
  }
}
