/** Enqueues one group of any kind: first the whole group is judged, then it is written. */
import { FINAL_FROM, ifFailedCode, nonceValue, STATE, stateOf } from '@millrace/core/store'
import { idBytes, idFromHex } from './codes.ts'
import { endByParent } from './dependents.ts'
import { changeGate, gateNamed, nameGate, type Gate } from './gates.ts'
import { ADD_TASK, KEY_HOLDER, KNOWN_TASK, RUNS_UNDER } from './statements/adding.ts'
import { ADD_EDGE } from './statements/dependents.ts'
import { FIND_TOMBSTONE, PUT_APART } from './statements/tasks.ts'
import { laneText } from './lanes.ts'
import { enterLine } from './places.ts'
import { joinSeries } from './series.ts'
import { isApart, ROW_BYTES, sizeOf } from './sizes.ts'
import { draftOf, EXTRA, lastSeq, PART, save, seqOf } from './tasks.ts'
import type {
  AddVerdict,
  Edge,
  Fence,
  GroupAnswer,
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
  return { outcome: 'added', tasks: group.tasks.map((_, index) => write(pass, group, { plan, index, gate })) }
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

function judgeKeys({ database }: Pass, { tasks, gate }: TaskGroup, plan: Plan): Refusal | null {
  const taken = new Map<string, TaskRef>()
  for (const [index, { id, unique, after }] of tasks.entries()) {
    if (unique === null || plan.duplicateOf[index] !== null) continue
    const { key, then } = unique
    const row = database.get<[id: string, state: number, runs: number]>(KEY_HOLDER, key)
    const by =
      row === undefined
        ? taken.get(key)
        : { id: idFromHex(row[0]), state: stateOf(row[2] === 1 ? STATE.running : row[1]) }
    if (by === undefined) {
      taken.set(key, { id, state: after.length === 0 && gate === null ? 'pending' : 'blocked' })
    } else if (then === 'reject') {
      return rejected(index, { code: 'unique', key, by })
    } else {
      plan.duplicateOf[index] = by.id
      plan.aliases.set(id, by.id)
    }
  }
  return null
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
    create(pass, spec, { edges: edgesOf(spec, plan), gate })
    return { outcome: 'created' }
  }
  const id = plan.aliases.get(known) ?? known
  const before = find(pass, id)!
  if (before.seq !== null) changeGate(pass, before.seq, gate)
  return { outcome: 'duplicate', by: { id, state: stateOf(find(pass, id)!.state) } }
}

interface Parent extends Known {
  readonly ifFailed: number
}

function create(
  pass: Pass,
  spec: TaskSpec,
  { edges, gate }: { edges: readonly Edge[]; gate: Gate | null },
): void {
  const parents = edges.map(({ parent, ifFailed }): Parent => ({
    ...find(pass, parent)!,
    ifFailed: ifFailedCode(ifFailed),
  }))
  const ending = parents.find(
    ({ state, ifFailed }) => state >= FINAL_FROM && state !== STATE.succeeded && ifFailed !== RUN,
  )
  const open = parents.filter(({ state }) => state < FINAL_FROM)
  const shut = gate?.fate === 'shut' ? gate : null
  const blockers = open.length + (shut === null ? 0 : 1)
  const blocked = blockers > 0 || ending !== undefined
  const seq = insert(pass, spec, {
    edges,
    state: blocked ? STATE.blocked : STATE.pending,
    blockers,
    gate: shut,
  })
  if (ending !== undefined) {
    const draft = draftOf(pass, seq)!
    endByParent(pass, draft, ending.ifFailed)
    save(pass, draft)
    return
  }
  for (const { seq: parent, state, ifFailed } of parents) {
    // one that has ended is kept as long as the newcomer lives; one that was removed cannot be
    if (parent !== null) pass.database.run(ADD_EDGE, parent, state < FINAL_FROM ? 1 : 0, seq, ifFailed)
  }
}

const RUN = ifFailedCode('run')

interface Birth {
  readonly edges: readonly Edge[]
  readonly state: number
  readonly blockers: number
  readonly gate: Gate | null
}

function insert(pass: Pass, spec: TaskSpec, { edges, state, blockers, gate }: Birth): number {
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
  const lane = spec.lane === null ? 0 : lanes.keyOf(laneText(spec.lane))
  const dueBy = spec.dueByMs === null ? null : now + spec.dueByMs
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
    (texts ? EXTRA.texts : 0) | (apart ? EXTRA.payload : 0) | (dueBy === null ? 0 : EXTRA.dueBy),
    sizeOf(spec.payload),
    ROW_BYTES + (parents?.length ?? 0) + (labels?.length ?? 0),
    spec.digest,
    earlier(startBy, deadlineAt),
    apart ? null : spec.payload,
    spec.unique?.key ?? null,
    spec.held ? 1 : 0,
    blockers,
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
