/** What a transaction that enqueues knows beforehand, what it has decided so far, and what it will write. */
import { int4s, int8s, texts, uuids } from './arrays.ts'
import {
  detailOfReplaced,
  FINAL_FROM,
  ifFailedCode,
  isWindow,
  nonceValue,
  REPLACED,
  STATE,
  StoreError,
  type DependencyEnd,
  type Fence,
  type NewEdge,
  type TaskGroup,
  type TaskId,
  type TaskSpec,
  type UniqueSpec,
  type WindowSpec,
} from '@millrace/core/store'
import { FLAG, nonceOf } from './codes.ts'
import { endByParent } from './dependents.ts'
import { ADD_EDGES } from './statements/dependents.ts'
import { cancel } from './cancelling.ts'
import { KNOWN_TASKS, RUN_UNDER } from './statements/adding.ts'
import { BEGIN_WINDOWS, KEY_HOLDERS, LOCK_WINDOWS, OPEN_WINDOWS } from './statements/keys.ts'
import { save } from './saving.ts'
import { ADD_TASKS } from './statements/tasks.ts'
import { spotOf } from './lanes.ts'
import { inOrder, lockSeries, noteSeries, seriesOf } from './series.ts'
import { draftOf, isWaiting, load, loadLive } from './tasks.ts'
import type { Pass } from './pass.ts'

/** A task that the store holds, or remembers, or is about to hold. */
export interface Known {
  readonly digest: string
  readonly state: number
  readonly gate: number | null
  /** Whether only its tombstone is left. */
  readonly buried: boolean
  readonly keyTerms: string | null
}

export interface Holder {
  readonly id: TaskId
  /** `null`: nothing is left of it but the window that it opened. */
  readonly state: number | null
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
    readonly unique_key: string | null
    readonly key_terms: string | null
  }
  readonly unique: UniqueSpec | null
  readonly parents: readonly BirthEdge[]
  /** What parents that had ended already end it by at once; `null`: none does. */
  readonly ending: DependencyEnd | null
}

export interface BirthEdge extends NewEdge {
  readonly id: TaskId
  readonly buried: boolean
  /** Whether the newcomer waits for that parent. */
  readonly open: boolean
}

/** What is known beforehand, wherever it is known from. */
export interface Prospect {
  find(id: TaskId): Known | undefined
  holderOf(unique: UniqueSpec): Holder | undefined
  /** Cancels who holds the key of a newcomer that is to take its place, if anybody does. */
  replace(newcomer: TaskSpec): Promise<TaskId | null>
  bear(birth: Birth): void
  runsUnder(fence: Fence): Promise<boolean>
}

const END_STATES: Readonly<Record<DependencyEnd, number>> = {
  'dependency-cancel': STATE.cancelled,
  'dependency-fail': STATE.failed,
}

interface Findings {
  readonly known: Map<TaskId, Known>
  /** By key, who holds it by living or waiting. */
  readonly holders: Map<string, TaskId>
  /** By key, who holds it for a time. */
  readonly windows: Map<string, TaskId>
  /** Fences under which tasks run. */
  readonly running: ReadonlySet<string>
}

function keyOf({ task, epoch, nonce }: Fence): string {
  return `${task} ${epoch} ${nonce}`
}

export class Foresight implements Prospect {
  readonly #pass: Pass
  readonly #known: Map<TaskId, Known>
  readonly #holders: Map<string, TaskId>
  readonly #windows: Map<string, TaskId>
  /** Those that newcomers begin, and whose they take over. */
  #beginnings: Beginning[] = []
  readonly #running: ReadonlySet<string>
  #births: Birth[] = []
  readonly #drawn: TaskId[] = []

  constructor(pass: Pass, { known, holders, windows, running }: Findings) {
    this.#pass = pass
    this.#known = known
    this.#holders = holders
    this.#windows = windows
    this.#running = running
  }

  find(id: TaskId): Known | undefined {
    const known = this.#known.get(id)
    const draft = draftOf(this.#pass, id)
    return draft === undefined || known === undefined
      ? known
      : { ...known, state: draft.task.state, gate: draft.task.gate }
  }

  holderOf(unique: UniqueSpec): Holder | undefined {
    if (isWindow(unique)) {
      const id = this.#windows.get(unique.key)
      return id === undefined ? undefined : { id, state: this.find(id)?.state ?? null }
    }
    const id = this.#holders.get(unique.key)
    const state = id === undefined ? undefined : this.find(id)?.state
    // one that ended in this very transaction holds nothing any more
    return state === undefined || state >= FINAL_FROM ? undefined : { id: id!, state }
  }

  async replace({ id, unique }: TaskSpec): Promise<TaskId | null> {
    const holder = unique?.then === 'replace' ? this.holderOf(unique) : undefined
    if (holder === undefined) return null
    if (this.#births.some(({ row }) => row.id === holder.id)) await this.writeForLater(this.#pass)
    const draft = draftOf(this.#pass, holder.id)
    if (draft === undefined || !isWaiting(draft.task)) return null
    cancel(this.#pass, draft, { reason: REPLACED, detail: detailOfReplaced(id) })
    return holder.id
  }

  bear(birth: Birth): void {
    const { row, unique, ending } = birth
    const state = ending === null ? row.state : END_STATES[ending]
    this.#births.push(birth)
    if ((row.flags & FLAG.madeByUser) === 0) this.#drawn.push(row.id)
    const { digest, key_terms: keyTerms } = row
    this.#known.set(row.id, { digest, state, gate: null, buried: false, keyTerms })
    if (unique === null) return
    if (isWindow(unique)) this.#beginWindow(unique, row.id)
    else if (ending === null) this.#holders.set(unique.key, row.id)
  }

  #beginWindow({ key, while: { withinMs } }: WindowSpec, task: TaskId): void {
    const over = this.#windows.get(key)
    this.#beginnings.push({ key, task, until: this.#pass.now + withinMs, over })
    this.#windows.set(key, task)
  }

  /** It goes on to, until the end of the transaction. */
  runsUnder(fence: Fence): Promise<boolean> {
    return Promise.resolve(this.#running.has(keyOf(fence)))
  }

  /** The newcomers' ids that clients drew. */
  get drawnIds(): readonly TaskId[] {
    return this.#drawn
  }

  /** Writes the newcomers, their edges, and what their parents have to know; before that whom they replace. */
  async write(pass: Pass): Promise<void> {
    const births = this.#births
    this.#births = []
    if (births.length === 0) return
    if (births.some(({ unique }) => unique?.then === 'replace')) await save(pass)
    await this.#writeWindows(pass)
    for (const { row } of births)
      if ((row.flags & FLAG.inOrder) !== 0) noteSeries(pass, { queue: row.queue, laneText: row.lane_text })
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
        edges.map(({ open }) => open),
      ])
    }
    const ending = births.filter((birth) => birth.ending !== null)
    await loadLive(
      pass,
      ending.map(({ row }) => row.id),
    )
    for (const { row, ending: by } of ending) endByParent(pass, draftOf(pass, row.id)!, by!)
  }

  async #writeWindows({ connection, now }: Pass): Promise<void> {
    const begun = this.#beginnings.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    this.#beginnings = []
    if (begun.length === 0) return
    const values = [
      texts(begun.map(({ key }) => key)),
      uuids(begun.map(({ task }) => task)),
      int8s(begun.map(({ until }) => until)),
      now,
      uuids(begun.flatMap(({ over }) => over ?? [])),
    ]
    if ((await connection.run(BEGIN_WINDOWS, values)) < begun.length) throw overtaken()
  }

  /** Writes the newcomers so far, so that groups behind them can change them. */
  async writeForLater(pass: Pass): Promise<void> {
    const ids = this.#births.map(({ row }) => row.id)
    await this.write(pass)
    await loadLive(pass, ids)
  }
}

interface Beginning {
  readonly key: string
  readonly task: TaskId
  readonly until: number
  readonly over: TaskId | undefined
}

function overtaken(): StoreError {
  return new StoreError('store-busy', 'Somebody else has begun the same window at this moment.', {
    effect: 'none',
    hint: 'Try again.',
  })
}

type KnownRow = readonly [
  id: string,
  digest: string,
  state: number,
  gate: number | null,
  rank: number,
  keyTerms: string | null,
]
type HolderRow = readonly [key: string, id: TaskId]

/** Looks up, and locks as far as that is needed, all that the groups speak of. */
export async function foresee(pass: Pass, groups: readonly TaskGroup[]): Promise<Foresight> {
  const tasks = groups.flatMap((group) => group.tasks)
  const parents = tasks.flatMap(({ after }) => after.map(({ parent }) => parent))
  // locked, so that none ends while an edge to it is written
  await load(pass, parents)
  const known = new Map<TaskId, Known>()
  const ids = [...new Set([...tasks.map(({ id }) => id), ...parents])]
  const keys = keysOf(tasks)
  const windows = await windowsOf(pass, keys)
  const holders = await holdersOf(pass, keys)
  // a newcomer that is kept away may take its holder out of its gate, and lends it its dependents
  ids.push(...holders.values(), ...windows.values())
  const lent = parents.length > 0 ? [...holders.values(), ...windows.values()] : []
  const leaving = [...keys.replaced].flatMap((key) => holders.get(key) ?? [])
  const outgoing = [...keys.replacedWindows].flatMap((key) => windows.get(key) ?? [])
  await loadLive(pass, [...lent, ...leaving, ...outgoing])
  // what was claimed or has ended since the look holds its key no more
  for (const key of keys.replaced) {
    const id = holders.get(key)
    if (id !== undefined && draftOf(pass, id)?.task.uniqueKey !== key) holders.delete(key)
  }
  await look(pass, ids, known)
  const gated = [...known].filter(([, { gate }]) => gate !== null).map(([id]) => id)
  await loadLive(pass, gated)
  await lockSeriesOf(pass, tasks)
  return new Foresight(pass, { known, holders, windows, running: await runningAmong(pass, groups) })
}

/**
 * The series that newcomers come to, and those that they may take others out of: all at once, behind what has to be
 * looked at and before what has to be written, so that nobody waits here for whom he keeps waiting with a key.
 */
async function lockSeriesOf(pass: Pass, tasks: readonly TaskSpec[]): Promise<void> {
  const arriving = tasks.flatMap(({ queue, lane }) =>
    lane?.fifo === true ? seriesOf(pass.names.queues.key(queue), spotOf(lane).text) : [],
  )
  if (arriving.length === 0) return
  const leaving = [...pass.drafts.values()]
    .filter(({ task }) => (task.flags & FLAG.inOrder) !== 0)
    .map(({ task }) => seriesOf(task.queue, task.laneText))
  await lockSeries(pass, [...arriving, ...leaving].toSorted(inOrder))
}

/** Keys that newcomers ask for, held by living or waiting or for a time, and those of them whose holders they may replace. */
interface Keys {
  readonly lives: ReadonlySet<string>
  readonly windows: ReadonlySet<string>
  readonly replaced: ReadonlySet<string>
  readonly replacedWindows: ReadonlySet<string>
}

function keysOf(tasks: readonly TaskSpec[]): Keys {
  const unique = tasks.flatMap((task) => task.unique ?? [])
  const windows = unique.filter(isWindow)
  const lives = unique.filter((spec) => !isWindow(spec))
  const keys = (specs: readonly UniqueSpec[]): Set<string> => new Set(specs.map(({ key }) => key))
  return {
    lives: keys(lives),
    windows: keys(windows),
    replaced: keys(lives.filter(({ then }) => then === 'replace')),
    replacedWindows: keys(windows.filter(({ then }) => then === 'replace')),
  }
}

async function holdersOf({ connection }: Pass, { lives }: Keys): Promise<Map<string, TaskId>> {
  if (lives.size === 0) return new Map()
  const rows = await connection.rows<HolderRow>(KEY_HOLDERS, [texts([...lives])])
  return new Map(rows)
}

/** Those that are to be taken over are locked, so that one at a time does so. */
async function windowsOf(
  { connection, now }: Pass,
  { windows, replacedWindows }: Keys,
): Promise<Map<string, TaskId>> {
  if (windows.size === 0) return new Map()
  const locked = new Set<string>()
  if (replacedWindows.size > 0) {
    const rows = await connection.rows<[key: string]>(LOCK_WINDOWS, [texts([...replacedWindows])])
    for (const [key] of rows) locked.add(key)
  }
  const rows = await connection.rows<HolderRow>(OPEN_WINDOWS, [texts([...windows]), now])
  // one that began between the two is not locked: before its task is looked at it may have another one
  if (rows.some(([key]) => replacedWindows.has(key) && !locked.has(key))) throw overtaken()
  return new Map(rows)
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
  for (const [id, digest, state, gate, rank, keyTerms] of rows) {
    // the task itself goes before a tombstone of an earlier one by that id
    if (!known.has(id)) known.set(id, { digest, state, gate, buried: rank === 1, keyTerms })
  }
}

function rowsOf({ newParents }: Pass, births: readonly Birth[]): readonly object[] {
  // a key that a newcomer gives up at once may be wanted by one behind it
  const kept = new Set(births.filter(({ ending }) => ending === null).map(({ row }) => row.unique_key))
  const given = new Set<string | null>()
  return births.map(({ row, ending }) => {
    const uniqueKey = row.unique_key
    const flags = newParents.has(row.id) ? row.flags | FLAG.parent : row.flags
    const isKept = ending === null || !(kept.has(uniqueKey) || given.has(uniqueKey))
    given.add(uniqueKey)
    return isKept ? { ...row, flags } : { ...row, flags, unique_key: null }
  })
}
