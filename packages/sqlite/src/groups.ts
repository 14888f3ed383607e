/** Enqueues one group of any kind: first the whole group is judged, then it is written. */
import {
  birthAfter,
  FINAL_FROM,
  ifFailedCode,
  isReplaceable,
  isWindow,
  keyTermsText,
  nonceValue,
  ownKeyOf,
  STATE,
  stateOf,
} from '@millrace/core/store'
import { idBytes } from './codes.ts'
import { endByParent, tellDependents } from './dependents.ts'
import { changeGate, gateNamed, nameGate, type Gate } from './gates.ts'
import { beginWindow, holderOf, replace, replacedBy } from './keys.ts'
import { ADD_TASK, KNOWN_TASK, RUNS_UNDER } from './statements/adding.ts'
import { ADD_EDGE } from './statements/dependents.ts'
import { FIND_TOMBSTONE, PUT_APART } from './statements/tasks.ts'
import { laneText } from './lanes.ts'
import { addToLoads } from './loads.ts'
import { enterLine } from './places.ts'
import { joinSeries } from './series.ts'
import { isApart, ROW_BYTES, sizeOf } from './sizes.ts'
import { draftOf, EXTRA, lastSeq, PART, seqOf } from './tasks.ts'
import type {
  AddVerdict,
  Edge,
  Fence,
  GroupAnswer,
  NewEdge,
  Rejection,
  TaskGroup,
  TaskId,
  TaskRef,
  TaskSpec,
} from '@millrace/core/store'
import type { Pass } from './home.ts'

/** What is to become of a group that is taken. */
interface Plan {
  /** For each task the one that it duplicates, which is there already or stands earlier in the group. `null`: it is new. */
  readonly duplicateOf: (TaskId | null)[]
  /** By the id of a newcomer that was kept away, the holder of its key. */
  readonly aliases: Map<TaskId, TaskId>
}

/** A task that the store holds, or remembers. */
interface Known {
  /** `null`: it was removed. */
  readonly seq: number | null
  readonly digest: string
  readonly state: number
}

type Refusal = Extract<GroupAnswer, { outcome: 'rejected' }>

export function addGroup(pass: Pass, group: TaskGroup): GroupAnswer {
  const plan: Plan = { duplicateOf: [], aliases: new Map() }
  const refused = judgeIds(pass, group, plan)
  if (refused !== null) return refused
  const allKnown = !plan.duplicateOf.includes(null)
  if (!allKnown && group.under !== null && !runsUnder(pass, group.under)) return { outcome: 'stale' }
  const refusal = judgeGate(pass, group) ?? judgeKeys(pass, group, plan) ?? judgeParents(pass, group, plan)
  if (refusal !== null) return refusal
  const gate = group.gate === null ? null : nameGate(pass, group.gate)
  const tasks = group.tasks.map((_, index) => write(pass, group, { plan, index, gate }))
  if (tasks.every(({ outcome }) => outcome !== 'replaced')) return { outcome: 'added', tasks }
  // who waited for what was replaced is told before the next group
  tellDependents(pass)
  return { outcome: 'added', tasks: tasks.map((verdict) => asLeft(pass, verdict)) }
}

/** What was a duplicate of somebody may have been replaced by a task behind it. */
function asLeft(pass: Pass, verdict: AddVerdict): AddVerdict {
  return verdict.outcome === 'duplicate' ? { ...verdict, by: refOf(pass, verdict.by.id) } : verdict
}

function rejected(index: number, rejection: Rejection): Refusal {
  return { outcome: 'rejected', index, rejection }
}

function find({ database, now }: Pass, id: TaskId): Known | undefined {
  const bytes = idBytes(id)
  const row = database.get<[seq: number, digest: string, state: number, runs: number]>(KNOWN_TASK, bytes)
  if (row !== undefined) return { seq: row[0], digest: row[1], state: row[3] === 1 ? STATE.running : row[2] }
  const stone = database.get<[digest: string, state: number]>(FIND_TOMBSTONE, bytes, now)
  return stone === undefined ? undefined : { seq: null, digest: stone[0], state: stone[1] }
}

function judgeIds(pass: Pass, { tasks }: TaskGroup, { duplicateOf }: Plan): Refusal | null {
  const fresh = new Map<TaskId, string>()
  for (const [index, { id, digest }] of tasks.entries()) {
    const known = fresh.get(id) ?? find(pass, id)?.digest
    if (known !== undefined && known !== digest) return rejected(index, { code: 'conflict', id })
    duplicateOf.push(known === undefined ? null : id)
    if (known === undefined) fresh.set(id, digest)
  }
  return null
}

function runsUnder(pass: Pass, { task, epoch, nonce }: Fence): boolean {
  const seq = seqOf(pass, task)
  return seq !== undefined && pass.database.get(RUNS_UNDER, seq, epoch, nonceValue(nonce)) !== undefined
}

function judgeGate(pass: Pass, { gate }: TaskGroup): Refusal | null {
  if (gate === null || gateNamed(pass, gate)?.fate !== 'gone') return null
  return rejected(0, { code: 'gate-gone', gate })
}

function judgeKeys(pass: Pass, { tasks, gate }: TaskGroup, plan: Plan): Refusal | null {
  const taken = new Map<string, TaskRef>()
  for (const [index, { id, unique, after }] of tasks.entries()) {
    if (unique === null || plan.duplicateOf[index] !== null) continue
    const { key, then } = unique
    const name = `${isWindow(unique) ? 'window' : 'life'} ${key}`
    const holder = holderOf(pass, unique)
    const by = taken.get(name) ?? (holder === undefined ? undefined : refOf(pass, holder))
    if (by === undefined || (then === 'replace' && isReplaceable(by.state))) {
      taken.set(name, { id, state: after.length === 0 && gate === null ? 'pending' : 'blocked' })
    } else if (then === 'keep') {
      plan.duplicateOf[index] = by.id
      plan.aliases.set(id, by.id)
    } else {
      return rejected(index, { code: 'unique', key, by })
    }
  }
  return null
}

function refOf(pass: Pass, id: TaskId): TaskRef {
  const known = find(pass, id)
  return { id, state: known === undefined ? 'gone' : stateOf(known.state) }
}

function judgeParents(pass: Pass, { tasks }: TaskGroup, plan: Plan): Refusal | null {
  const before = new Set<TaskId>()
  for (const [index, spec] of tasks.entries()) {
    if (plan.duplicateOf[index] === null) {
      for (const { parent } of edgesOf(spec, plan)) {
        const known = before.has(parent) || find(pass, parent) !== undefined
        if (!known) return rejected(index, { code: 'unknown-parent', parent })
      }
    }
    before.add(spec.id)
  }
  return null
}

/** Edges to who was kept away go to who is there, one to each. */
function edgesOf({ after }: TaskSpec, { aliases }: Plan): readonly Edge[] {
  if (after.length === 0) return after
  const edges = new Map<TaskId, Edge>()
  for (const { parent: named, ifFailed } of after) {
    const parent = aliases.get(named) ?? named
    if (!edges.has(parent)) edges.set(parent, { parent, ifFailed })
  }
  return [...edges.values()]
}

interface Writing {
  readonly plan: Plan
  readonly index: number
  readonly gate: Gate | null
}

function write(pass: Pass, { tasks }: TaskGroup, { plan, index, gate }: Writing): AddVerdict {
  const spec = tasks[index]!
  const known = plan.duplicateOf[index] ?? null
  if (known === null) {
    const previous = replace(pass, spec)
    create(pass, spec, { edges: edgesOf(spec, plan), gate, replaced: previous })
    return previous === null ? { outcome: 'created' } : { outcome: 'replaced', previous }
  }
  const id = plan.aliases.get(known) ?? known
  const seq = find(pass, id)?.seq ?? null
  if (seq !== null) changeGate(pass, seq, gate)
  const previous = id === spec.id && spec.idMadeBy === 'client' && seq !== null ? replacedBy(pass, seq) : null
  return previous === null ? { outcome: 'duplicate', by: refOf(pass, id) } : { outcome: 'replaced', previous }
}

interface Parent extends NewEdge {
  readonly seq: Known['seq']
}

interface Origin {
  readonly edges: readonly Edge[]
  readonly gate: Gate | null
  readonly replaced: TaskId | null
}

function create(pass: Pass, spec: TaskSpec, { edges, gate, replaced }: Origin): void {
  const parents = edges.map(({ parent, ifFailed }): Parent => {
    const { seq, state } = find(pass, parent)!
    return { seq, ifFailed, parent: parentState(state) }
  })
  const { waits, end, isOpen } = birthAfter(parents)
  const shut = gate?.fate === 'shut' ? gate : null
  const blockers = waits.blockers + (shut === null ? 0 : 1)
  const blocked = blockers > 0 || end !== null
  const seq = insert(pass, spec, {
    edges,
    state: blocked ? STATE.blocked : STATE.pending,
    blockers,
    triggers: waits.triggers,
    gate: shut,
    replaced,
  })
  beginWindow(pass, spec)
  if (end !== null) {
    endByParent(pass, draftOf(pass, seq)!, end)
    return
  }
  for (const edge of parents) {
    // one that has ended is kept as long as the newcomer lives; one that was removed cannot be
    if (edge.seq === null) continue
    pass.database.run(ADD_EDGE, edge.seq, isOpen(edge) ? 1 : 0, seq, ifFailedCode(edge.ifFailed))
  }
}

function parentState(state: number): NewEdge['parent'] {
  if (state < FINAL_FROM) return 'open'
  return state === STATE.succeeded ? 'succeeded' : 'unsuccessful'
}

interface Birth extends Pick<Origin, 'edges' | 'replaced'> {
  readonly state: number
  readonly blockers: number
  readonly triggers: number
  readonly gate: Gate | null
}

function insert(pass: Pass, spec: TaskSpec, birth: Birth): number {
  const { edges, state, blockers, triggers, gate, replaced } = birth
  const { database, names, lanes, now } = pass
  const seq = lastSeq(pass) + 1
  const queue = names.queue(spec.queue).key
  const route = names.route(spec.type, spec.needs)
  const runAt = 'at' in spec.due ? spec.due.at : now + spec.due.inMs
  const startBy = spec.startByMs === null ? null : now + spec.startByMs
  const deadlineAt = spec.deadlineMs === null ? null : now + spec.deadlineMs
  const parents =
    edges.length === 0 ? null : JSON.stringify(edges.map(({ parent, ifFailed }) => [parent, ifFailed]))
  const labels = labelsOf(spec)
  const texts = parents !== null || labels !== null || deadlineAt !== null
  const apart = isApart(spec.payload)
  const waitsWithKey = spec.unique?.while === 'waiting'
  const lane = spec.lane === null ? 0 : lanes.keyOf(laneText(spec.lane))
  const dueBy = spec.dueByMs === null ? null : now + spec.dueByMs
  const size = sizeOf(spec.payload)
  database.run(
    ADD_TASK,
    seq,
    idBytes(spec.id),
    state,
    queue,
    route,
    spec.level,
    names.terms(JSON.stringify([spec.policy, spec.timeoutMs])),
    runAt,
    now,
    (texts ? EXTRA.texts : 0) |
      (apart ? EXTRA.payload : 0) |
      (dueBy === null ? 0 : EXTRA.dueBy) |
      (waitsWithKey ? EXTRA.key : 0),
    size,
    ROW_BYTES + (parents?.length ?? 0) + (labels?.length ?? 0),
    spec.digest,
    earlier(startBy, deadlineAt),
    apart ? null : spec.payload,
    ownKeyOf(spec.unique),
    keyTermsText(spec.unique, replaced),
    spec.held ? 1 : 0,
    blockers,
    triggers,
    gate?.key ?? null,
    parents,
    labels,
    startBy,
    deadlineAt,
    spec.idMadeBy === 'user' ? 1 : 0,
    lane,
    dueBy,
  )
  if (apart) database.run(PUT_APART, seq * 4 + PART.payload, spec.payload)
  addToLoads(pass, { queue, lane, tasks: 1, bytes: size })
  const place = { seq, queue, route, level: spec.level, lane, dueBy, runAt }
  joinSeries(pass, place)
  if (state === STATE.pending && !spec.held) enterLine(pass, place)
  return seq
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

function labelsOf({ tags, metadata, headers }: TaskSpec): string | null {
  const none = tags.length === 0 && isEmpty(metadata) && isEmpty(headers)
  return none ? null : JSON.stringify([tags, metadata, headers])
}

function isEmpty(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return false
  return true
}
