/** Enqueues one group of any kind: first the whole group is judged, then it is to be written. */
import {
  birthAfter,
  FINAL_FROM,
  isReplaceable,
  isWindow,
  keyTermsText,
  ownKeyOf,
  readKeyTerms,
  STATE,
  stateOf,
} from '@millrace/core/store'
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
  NewEdge,
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
  const tasks: AddVerdict[] = []
  for (const [index, spec] of group.tasks.entries())
    tasks.push(await write(pass, foresight, { spec, plan, index, gate }))
  return { outcome: 'added', tasks }
}

/** Whether who waited for a replaced task is to be told. */
export function replacesAny(answer: GroupAnswer): boolean {
  return answer.outcome === 'added' && answer.tasks.some(({ outcome }) => outcome === 'replaced')
}

/** What was a duplicate of somebody may have been replaced by a task behind it. */
export function asLeft(foresight: Prospect, answer: GroupAnswer): GroupAnswer {
  if (answer.outcome !== 'added') return answer
  return {
    outcome: 'added',
    tasks: answer.tasks.map((verdict) =>
      verdict.outcome === 'duplicate' ? { ...verdict, by: refOf(foresight, verdict.by.id) } : verdict,
    ),
  }
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
    const name = `${isWindow(unique) ? 'window' : 'life'} ${key}`
    const holder = foresight.holderOf(unique)
    const by = taken.get(name) ?? (holder === undefined ? undefined : refOf(foresight, holder.id))
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

function refOf(foresight: Prospect, id: TaskId): TaskRef {
  const known = foresight.find(id)
  return { id, state: known === undefined ? 'gone' : stateOf(known.state) }
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

async function write(
  pass: Pass,
  foresight: Prospect,
  { spec, plan, index, gate }: Writing,
): Promise<AddVerdict> {
  const known = plan.duplicateOf[index] ?? null
  if (known === null) {
    const previous = await foresight.replace(spec)
    create(pass, foresight, { spec, edges: edgesOf(spec, plan), gate, replaced: previous })
    return previous === null ? { outcome: 'created' } : { outcome: 'replaced', previous }
  }
  const id = plan.aliases.get(known) ?? known
  const draft = draftOf(pass, id)
  if (draft !== undefined) changeGate(pass, draft, gate)
  const terms = id === spec.id && spec.idMadeBy === 'client' ? (foresight.find(id)?.keyTerms ?? null) : null
  const previous = terms === null ? null : readKeyTerms(terms).replaced
  return previous === null
    ? { outcome: 'duplicate', by: refOf(foresight, id) }
    : { outcome: 'replaced', previous }
}

interface Origin {
  readonly spec: TaskSpec
  readonly edges: readonly Edge[]
  readonly gate: Gate | null
  readonly replaced: TaskId | null
}

function create(pass: Pass, foresight: Prospect, { spec, edges, gate, replaced }: Origin): void {
  const found = edges.map(({ parent, ifFailed }) => {
    const { state, buried } = foresight.find(parent)!
    return { id: parent, ifFailed, buried, parent: parentState(state) }
  })
  const { waits, end, isOpen } = birthAfter(found)
  const parents = found.map((edge) => ({ ...edge, open: isOpen(edge) }))
  for (const { id, open } of parents) if (open) becomeParent(pass, id)
  const shut = gate?.fate === 'shut' ? gate : null
  const blockers = waits.blockers + (shut === null ? 0 : 1)
  foresight.bear({
    row: rowOf(pass, spec, { edges, blockers, triggers: waits.triggers, gate: shut, ending: end, replaced }),
    unique: spec.unique,
    parents,
    ending: end,
  })
}

function parentState(state: number): NewEdge['parent'] {
  if (state < FINAL_FROM) return 'open'
  return state === STATE.succeeded ? 'succeeded' : 'unsuccessful'
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
  readonly triggers: number
  readonly gate: Gate | null
  readonly ending: Birth['ending']
  readonly replaced: TaskId | null
}

function rowOf(pass: Pass, spec: TaskSpec, circumstances: Circumstances): Birth['row'] {
  const { edges, blockers, triggers, gate, ending, replaced } = circumstances
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
  const keyWaits = spec.unique?.while === 'waiting' ? FLAG.keyWaits : 0
  return {
    id: spec.id,
    level: spec.level,
    state,
    digest: spec.digest,
    blockers,
    triggers,
    queue: names.queues.key(spec.queue),
    route: names.routes.key(routeName(spec.type, spec.needs)),
    terms: names.terms.key(termsName(spec.policy, spec.timeoutMs)),
    flags: (spec.idMadeBy === 'user' ? FLAG.madeByUser : 0) | held | child | flag | keyWaits,
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
    unique_key: ownKeyOf(spec.unique),
    key_terms: keyTermsText(spec.unique, replaced),
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
