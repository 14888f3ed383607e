/** Enqueues one group of any kind: first the whole group is judged, then it is to be written. */
import { FINAL_FROM, STATE, stateOf } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import { changeGate, gateNamed, nameGate, type Gate } from './gates.ts'
import { spotOf } from './lanes.ts'
import { routeName, termsName } from './names.ts'
import { columnsOf, isEmpty, sizeOf } from './payloads.ts'
import { PLACE } from './saving.ts'
import { draftOf } from './tasks.ts'
import type {
  AddVerdict,
  Edge,
  GroupAnswer,
  IfFailed,
  Rejection,
  TaskGroup,
  TaskId,
  TaskRef,
  TaskSpec,
} from '@millrace/core/store'
import type { Birth, Prospect } from './foresight.ts'
import type { Pass } from './pass.ts'

/** What is to become of a group that is taken. */
interface Plan {
  /** For each task the one that it duplicates, which is there already or stands earlier in the group. `null`: it is new. */
  readonly duplicateOf: (TaskId | null)[]
  /** By the id of a newcomer that was kept away, the holder of its key. */
  readonly aliases: Map<TaskId, TaskId>
}

type Refusal = Extract<GroupAnswer, { outcome: 'rejected' }>

export async function addGroup(pass: Pass, foresight: Prospect, group: TaskGroup): Promise<GroupAnswer> {
  const plan: Plan = { duplicateOf: [], aliases: new Map() }
  const refused = judgeIds(foresight, group, plan)
  if (refused !== null) return refused
  const allKnown = !plan.duplicateOf.includes(null)
  if (!allKnown && group.under !== null && !(await foresight.runsUnder(group.under)))
    return { outcome: 'stale' }
  const refusal =
    (await judgeGate(pass, group)) ??
    judgeKeys(foresight, group, plan) ??
    judgeParents(foresight, group, plan)
  if (refusal !== null) return refusal
  // even if nothing new waits behind it: whoever named it will want to open it
  const gate = group.gate === null ? null : await nameGate(pass, group.gate)
  const tasks = group.tasks.map((spec, index) => write(pass, foresight, { spec, plan, index, gate }))
  return { outcome: 'added', tasks }
}

function rejected(index: number, rejection: Rejection): Refusal {
  return { outcome: 'rejected', index, rejection }
}

function judgeIds(foresight: Prospect, { tasks }: TaskGroup, { duplicateOf }: Plan): Refusal | null {
  const fresh = new Map<TaskId, string>()
  for (const [index, { id, digest }] of tasks.entries()) {
    const known = fresh.get(id) ?? foresight.find(id)?.digest
    if (known !== undefined && known !== digest) return rejected(index, { code: 'conflict', id })
    duplicateOf.push(known === undefined ? null : id)
    if (known === undefined) fresh.set(id, digest)
  }
  return null
}

async function judgeGate(pass: Pass, { gate }: TaskGroup): Promise<Refusal | null> {
  if (gate === null || (await gateNamed(pass, gate))?.fate !== 'gone') return null
  return rejected(0, { code: 'gate-gone', gate })
}

function judgeKeys(foresight: Prospect, { tasks, gate }: TaskGroup, plan: Plan): Refusal | null {
  const taken = new Map<string, TaskRef>()
  for (const [index, { id, unique, after }] of tasks.entries()) {
    if (unique === null || plan.duplicateOf[index] !== null) continue
    const { key, then } = unique
    const holder = foresight.holderOf(key)
    const by = holder === undefined ? taken.get(key) : { id: holder.id, state: stateOf(holder.state) }
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

function judgeParents(foresight: Prospect, { tasks }: TaskGroup, plan: Plan): Refusal | null {
  const before = new Set<TaskId>()
  for (const [index, spec] of tasks.entries()) {
    if (plan.duplicateOf[index] === null) {
      for (const { parent } of edgesOf(spec, plan)) {
        const known = before.has(parent) || foresight.find(parent) !== undefined
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
  readonly spec: TaskSpec
  readonly plan: Plan
  readonly index: number
  readonly gate: Gate | null
}

function write(pass: Pass, foresight: Prospect, { spec, plan, index, gate }: Writing): AddVerdict {
  const known = plan.duplicateOf[index] ?? null
  if (known === null) {
    create(pass, foresight, { spec, edges: edgesOf(spec, plan), gate })
    return { outcome: 'created' }
  }
  const id = plan.aliases.get(known) ?? known
  const draft = draftOf(pass, id)
  if (draft !== undefined) changeGate(pass, draft, gate)
  return { outcome: 'duplicate', by: { id, state: stateOf(foresight.find(id)!.state) } }
}

function create(
  pass: Pass,
  foresight: Prospect,
  {
    spec,
    edges,
    gate,
  }: { readonly spec: TaskSpec; readonly edges: readonly Edge[]; readonly gate: Gate | null },
): void {
  const parents = edges.map(({ parent, ifFailed }) => {
    const { state, buried } = foresight.find(parent)!
    return { id: parent, ifFailed, state, buried }
  })
  const open = parents.filter(({ state }) => state < FINAL_FROM)
  for (const { id } of open) becomeParent(pass, id)
  const shut = gate?.fate === 'shut' ? gate : null
  const ending = endingOf(parents)
  foresight.bear({
    row: rowOf(pass, spec, { edges, blockers: open.length + (shut === null ? 0 : 1), gate: shut, ending }),
    uniqueKey: spec.unique?.key ?? null,
    parents,
    ending,
  })
}

/** What the parents that ended already without success do to a newcomer: the first that does anything decides. */
function endingOf(parents: Birth['parents']): Birth['ending'] {
  for (const { state, ifFailed } of parents) {
    if (state < FINAL_FROM || state === STATE.succeeded || ifFailed === 'run') continue
    return { state: endStateOf(ifFailed), ifFailed }
  }
  return null
}

function endStateOf(ifFailed: Exclude<IfFailed, 'run'>): number {
  return ifFailed === 'fail' ? STATE.failed : STATE.cancelled
}

/** Whoever ends it has to look for its dependents. One that is new is told when it is written. */
function becomeParent(pass: Pass, id: TaskId): void {
  const draft = draftOf(pass, id)
  if (draft === undefined) pass.newParents.add(id)
  else draft.task.flags |= FLAG.parent
}

interface Circumstances {
  readonly edges: readonly Edge[]
  readonly blockers: number
  readonly gate: Gate | null
  readonly ending: Birth['ending']
}

function rowOf(pass: Pass, spec: TaskSpec, { edges, blockers, gate, ending }: Circumstances): Birth['row'] {
  const { names, now } = pass
  const runAt = 'at' in spec.due ? spec.due.at : now + spec.due.inMs
  const startBy = spec.startByMs === null ? null : now + spec.startByMs
  const deadlineAt = spec.deadlineMs === null ? null : now + spec.deadlineMs
  const { text, raw } = columnsOf(spec.payload)
  const state = blockers > 0 || ending !== null ? STATE.blocked : STATE.pending
  const { text: laneText, partition, lane, flag } = spotOf(spec.lane)
  const dueBy = spec.dueByMs === null ? null : now + spec.dueByMs
  // the first of a series gets its place when all is written
  const waits = state === STATE.pending && !spec.held && flag === 0
  if (waits) pass.hint.ready = true
  const held = spec.held ? FLAG.held : 0
  const child = edges.length > 0 ? FLAG.child : 0
  return {
    id: spec.id,
    level: spec.level,
    state,
    digest: spec.digest,
    blockers,
    queue: names.queues.key(spec.queue),
    route: names.routes.key(routeName(spec.type, spec.needs)),
    terms: names.terms.key(termsName(spec.policy, spec.timeoutMs)),
    flags: (spec.idMadeBy === 'user' ? FLAG.madeByUser : 0) | held | child | flag,
    run_at: runAt,
    enqueued_at: now,
    epoch: 0,
    settled: 0,
    size: sizeOf(spec.payload),
    payload: text,
    payload_raw: raw === null ? null : `\\x${raw.toString('hex')}`,
    parents:
      edges.length === 0 ? null : JSON.stringify(edges.map(({ parent, ifFailed }) => [parent, ifFailed])),
    labels: labelsOf(spec),
    start_by: startBy,
    deadline_at: deadlineAt,
    unique_key: spec.unique?.key ?? null,
    place: waits ? (runAt <= now ? PLACE.ready : PLACE.later) : PLACE.nowhere,
    expires_at: earlier(startBy, deadlineAt),
    gate: gate?.key ?? null,
    due_by: dueBy,
    lane_text: laneText,
    partition: partition.toString(),
    lane: lane.toString(),
    ord: dueBy ?? runAt,
  }
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

function labelsOf({ tags, metadata, headers }: TaskSpec): string | null {
  const none = tags.length === 0 && isEmpty(metadata) && isEmpty(headers)
  return none ? null : JSON.stringify([tags, metadata, headers])
}
