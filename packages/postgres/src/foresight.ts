/** What a transaction that enqueues knows beforehand, what it has decided so far, and what it will write. */
import { int4s, int8s, texts, uuids } from './arrays.ts'
import { FINAL_FROM, ifFailedCode, nonceValue } from '@millrace/core/store'
import { FLAG, nonceOf } from './codes.ts'
import { endByParent } from './dependents.ts'
import { ADD_EDGES } from './statements/dependents.ts'
import { KEY_HOLDERS, KNOWN_TASKS, RUN_UNDER } from './statements/adding.ts'
import { ADD_TASKS } from './statements/tasks.ts'
import { inOrder, lockSeries, noteSeries } from './series.ts'
import { draftOf, load, loadLive } from './tasks.ts'
import type { Fence, IfFailed, TaskGroup, TaskId } from '@millrace/core/store'
import type { Pass } from './pass.ts'

/** A task that the store holds, or remembers, or is about to hold. */
export interface Known {
  readonly digest: string
  readonly state: number
  readonly gate: number | null
  /** Whether only its tombstone is left. */
  readonly buried: boolean
}

export interface Holder {
  readonly id: TaskId
  readonly state: number
}

export interface Birth {
  /** A row of `ADD_TASKS`. */
  readonly row: Readonly<Record<string, unknown>> & {
    readonly id: TaskId
    readonly digest: string
    readonly state: number
    readonly flags: number
    readonly queue: number
    readonly lane_text: string | null
  }
  readonly uniqueKey: string | null
  readonly parents: readonly {
    readonly id: TaskId
    readonly ifFailed: IfFailed
    readonly state: number
    readonly buried: boolean
  }[]
  /** How a parent that had ended already ends it at once; `null`: none does. */
  readonly ending: { readonly state: number; readonly ifFailed: Exclude<IfFailed, 'run'> } | null
}

/** What is known beforehand, wherever it is known from. */
export interface Prospect {
  find(id: TaskId): Known | undefined
  holderOf(key: string): Holder | undefined
  bear(birth: Birth): void
  runsUnder(fence: Fence): Promise<boolean>
}

interface Findings {
  readonly known: Map<TaskId, Known>
  readonly holders: Map<string, Holder>
  /** Fences under which tasks run. */
  readonly running: ReadonlySet<string>
}

function keyOf({ task, epoch, nonce }: Fence): string {
  return `${task} ${epoch} ${nonce}`
}

export class Foresight implements Prospect {
  readonly #pass: Pass
  readonly #known: Map<TaskId, Known>
  readonly #holders: Map<string, Holder>
  readonly #running: ReadonlySet<string>
  #births: Birth[] = []
  readonly #drawn: TaskId[] = []

  constructor(pass: Pass, { known, holders, running }: Findings) {
    this.#pass = pass
    this.#known = known
    this.#holders = holders
    this.#running = running
  }

  find(id: TaskId): Known | undefined {
    const known = this.#known.get(id)
    const draft = draftOf(this.#pass, id)
    return draft === undefined || known === undefined
      ? known
      : { ...known, state: draft.task.state, gate: draft.task.gate }
  }

  holderOf(key: string): Holder | undefined {
    const holder = this.#holders.get(key)
    return holder === undefined
      ? undefined
      : { id: holder.id, state: this.find(holder.id)?.state ?? holder.state }
  }

  bear(birth: Birth): void {
    const { row, uniqueKey, ending } = birth
    const state = ending?.state ?? row.state
    this.#births.push(birth)
    if ((row.flags & FLAG.madeByUser) === 0) this.#drawn.push(row.id)
    this.#known.set(row.id, { digest: row.digest, state, gate: null, buried: false })
    if (uniqueKey !== null && ending === null) this.#holders.set(uniqueKey, { id: row.id, state })
  }

  /** It goes on to, until the end of the transaction. */
  runsUnder(fence: Fence): Promise<boolean> {
    return Promise.resolve(this.#running.has(keyOf(fence)))
  }

  /** The newcomers' ids that clients drew. */
  get drawnIds(): readonly TaskId[] {
    return this.#drawn
  }

  /** Writes the newcomers, their edges, and what their parents have to know. */
  async write(pass: Pass): Promise<void> {
    const births = this.#births
    this.#births = []
    if (births.length === 0) return
    const series = births.filter(({ row }) => (row.flags & FLAG.inOrder) !== 0)
    for (const { row } of series) noteSeries(pass, { queue: row.queue, laneText: row.lane_text })
    if (series.length > 0) await lockSeries(pass, [...pass.series.values()].toSorted(inOrder))
    await pass.connection.run(ADD_TASKS, [JSON.stringify(rowsOf(pass, births))])
    const edges = births.flatMap(({ row, parents, ending }) =>
      ending === null
        ? parents.filter(({ buried }) => !buried).map((parent) => ({ ...parent, child: row.id }))
        : [],
    )
    if (edges.length > 0) {
      await pass.connection.run(ADD_EDGES, [
        uuids(edges.map(({ id }) => id)),
        uuids(edges.map(({ child }) => child)),
        edges.map(({ ifFailed }) => ifFailedCode(ifFailed)),
        edges.map(({ state }) => state < FINAL_FROM),
      ])
    }
    const ending = births.filter((birth) => birth.ending !== null)
    await loadLive(
      pass,
      ending.map(({ row }) => row.id),
    )
    for (const { row, ending: by } of ending) endByParent(pass, draftOf(pass, row.id)!, by!.ifFailed)
  }

  /** Writes the newcomers so far, so that groups behind them can change them. */
  async writeForLater(pass: Pass): Promise<void> {
    const ids = this.#births.map(({ row }) => row.id)
    await this.write(pass)
    await loadLive(pass, ids)
  }
}

type KnownRow = readonly [id: string, digest: string, state: number, gate: number | null, rank: number]
type HolderRow = readonly [key: string, id: string, state: number]

/** Looks up, and locks as far as that is needed, all that the groups speak of. */
export async function foresee(pass: Pass, groups: readonly TaskGroup[]): Promise<Foresight> {
  const tasks = groups.flatMap((group) => group.tasks)
  const parents = tasks.flatMap(({ after }) => after.map(({ parent }) => parent))
  // locked, so that none ends while an edge to it is written
  await load(pass, parents)
  const known = new Map<TaskId, Known>()
  const ids = [...new Set([...tasks.map(({ id }) => id), ...parents])]
  const keys = [...new Set(tasks.flatMap(({ unique }) => (unique === null ? [] : [unique.key])))]
  const holders = new Map<string, Holder>()
  if (keys.length > 0) {
    const rows = await pass.connection.rows<HolderRow>(KEY_HOLDERS, [texts(keys)])
    for (const [key, id, state] of rows) holders.set(key, { id, state })
    // a newcomer that is kept away may take its holder out of its gate, and lends it its dependents
    ids.push(...rows.map(([, id]) => id))
    if (parents.length > 0)
      await loadLive(
        pass,
        rows.map(([, id]) => id),
      )
  }
  await look(pass, ids, known)
  const gated = [...known].filter(([, { gate }]) => gate !== null).map(([id]) => id)
  await loadLive(pass, gated)
  return new Foresight(pass, { known, holders, running: await runningAmong(pass, groups) })
}

type RunningRow = readonly [task: string, epoch: number, nonce: string]

/** Which of the fences that groups are added under hold. */
async function runningAmong(
  { connection }: Pass,
  groups: readonly TaskGroup[],
): Promise<ReadonlySet<string>> {
  const fences = new Map<string, Fence>()
  for (const { under } of groups) if (under !== null) fences.set(keyOf(under), under)
  if (fences.size === 0) return new Set()
  const asked = [...fences.values()]
  const rows = await connection.rows<RunningRow>(RUN_UNDER, [
    uuids(asked.map(({ task }) => task)),
    int4s(asked.map(({ epoch }) => epoch)),
    int8s(asked.map(({ nonce }) => nonceValue(nonce))),
  ])
  return new Set(rows.map(([task, epoch, nonce]) => keyOf({ task, epoch, nonce: nonceOf(nonce) })))
}

async function look(pass: Pass, ids: readonly TaskId[], known: Map<TaskId, Known>): Promise<void> {
  const rows = await pass.connection.rows<KnownRow>(KNOWN_TASKS, [uuids(ids), pass.now])
  for (const [id, digest, state, gate, rank] of rows) {
    // the task itself goes before a tombstone of an earlier one by that id
    if (!known.has(id)) known.set(id, { digest, state, gate, buried: rank === 1 })
  }
}

function rowsOf({ newParents }: Pass, births: readonly Birth[]): readonly object[] {
  // a key that a newcomer gives up at once may be wanted by one behind it
  const kept = new Set(births.filter(({ ending }) => ending === null).map(({ uniqueKey }) => uniqueKey))
  const given = new Set<string | null>()
  return births.map(({ row, uniqueKey, ending }) => {
    const flags = newParents.has(row.id) ? row.flags | FLAG.parent : row.flags
    const isKept = ending === null || !(kept.has(uniqueKey) || given.has(uniqueKey))
    given.add(uniqueKey)
    return isKept ? { ...row, flags } : { ...row, flags, unique_key: null }
  })
}
