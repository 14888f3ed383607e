/** `add` as it travels, and its answer as the port has it. */
import { InvalidArgumentError } from '@millrace/core'
import { checkReplacements, isWindow } from '@millrace/core/store'
import { APART_BYTES, FLAG, IF_FAILED, STATES } from './layout.ts'
import { idOf } from './reading.ts'
import { OWN_TERMS, type Names } from './names.ts'
import type {
  AddRequest,
  AddVerdict,
  GroupAnswer,
  Payload,
  TaskGroup,
  TaskRef,
  TaskSpec,
  UniqueSpec,
} from '@millrace/core/store'
import type { Packer } from './packer.ts'
import type { Reply } from './line.ts'

/** A run of plain groups of one lane, or one group that needs a closer look. */
export type Part = Run | { readonly group: TaskGroup }

/** What the tasks of a run have in common besides their lane. */
interface Kind {
  readonly binary: boolean
  readonly labelled: boolean
  readonly delayed: boolean
}

interface Run {
  readonly queue: number
  readonly route: number
  readonly level: number
  readonly kind: Kind
  readonly groups: TaskGroup[]
  tasks: number
}

/**
 * Looks the names of all tasks up; those without a number are noted by `names`, and must be learnt first.
 *
 * @throws InvalidArgumentError for a task in a lane, which no store serves yet, and for a replacement behind a gate
 */
export function lookUp({ groups }: AddRequest, names: Names): void {
  checkReplacements(groups)
  for (const { tasks } of groups) {
    for (const task of tasks) {
      if (task.lane !== null) {
        throw new InvalidArgumentError('A task has a lane, and this store serves none.')
      }
      names.shapeOf(task)
    }
  }
}

/** A script takes so many arguments for one command, and hardly more. */
const RUN_TASKS_MAX = 1_000

/** What goes together. */
export function partsOf({ groups, again }: AddRequest, names: Names): readonly Part[] {
  const parts: Part[] = []
  let run: Run | undefined
  for (const group of groups) {
    const first = group.tasks[0]
    if (again || first === undefined || !isPlain(group, names)) {
      run = undefined
      parts.push({ group })
      continue
    }
    const { queue, route } = names.shapeOf(first)
    const { level } = first
    const sameLane = run?.queue === queue && run.route === route && run.level === level
    const full = (run?.tasks ?? 0) + group.tasks.length > RUN_TASKS_MAX
    if (run === undefined || full || !sameLane || !isOfKind(first, run.kind)) {
      run = { queue, route, level, kind: kindOf(first), groups: [], tasks: 0 }
      parts.push(run)
    }
    run.groups.push(group)
    run.tasks += group.tasks.length
  }
  return parts
}

function isPlain({ tasks, under, gate }: TaskGroup, names: Names): boolean {
  if (under !== null || gate !== null) return false
  const first = tasks[0]!
  const lane = names.shapeOf(first)
  const kind = kindOf(first)
  return tasks.every((task) => {
    const { queue, route, terms } = names.shapeOf(task)
    const sameLane = queue === lane.queue && route === lane.route && task.level === first.level
    return sameLane && terms !== OWN_TERMS && isPlainTask(task) && isOfKind(task, kind)
  })
}

function isPlainTask(task: TaskSpec): boolean {
  return (
    task.idMadeBy === 'client' &&
    task.after.length === 0 &&
    task.unique === null &&
    !task.held &&
    task.startByMs === null &&
    task.deadlineMs === null &&
    !isApart(task.payload)
  )
}

function kindOf(task: TaskSpec): Kind {
  return { binary: isBinary(task), labelled: hasLabels(task), delayed: isDelayed(task) }
}

function isOfKind(task: TaskSpec, { binary, labelled, delayed }: Kind): boolean {
  return isBinary(task) === binary && hasLabels(task) === labelled && isDelayed(task) === delayed
}

function isDelayed({ due }: TaskSpec): boolean {
  return 'at' in due || due.inMs > 0
}

function isBinary({ payload }: TaskSpec): boolean {
  return typeof payload !== 'string'
}

function isApart(payload: Payload): boolean {
  if (payload.length > APART_BYTES) return true
  if (typeof payload !== 'string' || payload.length * 3 <= APART_BYTES) return false
  return Buffer.byteLength(payload) > APART_BYTES
}

function hasLabels({ tags, metadata, headers }: TaskSpec): boolean {
  return tags.length > 0 || !isEmpty(metadata) || !isEmpty(headers)
}

function isEmpty(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return false
  return true
}

export function packAdd(packer: Packer, parts: readonly Part[], names: Names): Buffer {
  packer.array(parts.length)
  for (const part of parts) {
    if ('group' in part) packGroup(packer, part.group, names)
    else packRun(packer, part, names)
  }
  return packer.done()
}

function packRun(packer: Packer, run: Run, names: Names): void {
  const { queue, route, level, kind, groups, tasks } = run
  packer.array(8).int(1)
  packNumber(packer, queue)
  packNumber(packer, route)
  const head = packer.begin(4)
  packHead(packer, (kind.binary ? FLAG.binary : 0) + (kind.labelled ? FLAG.extra + FLAG.labels : 0), level)
  packer.end(head).array(groups.length)
  for (const group of groups) packer.int(group.tasks.length)
  packer.array(2 * tasks)
  for (const group of groups) {
    for (const task of group.tasks) {
      packer.id(task.id)
      const start = packer.begin(LONGEST_COLUMNS + 3 * task.payload.length)
      packColumns(packer, task, names)
      packer.end(start)
    }
  }
  packRest(packer, run)
}

/** What some kinds of tasks have more than others. */
function packRest(packer: Packer, { kind, groups, tasks }: Run): void {
  if (kind.labelled) packer.array(tasks)
  else packer.no()
  if (kind.labelled) {
    for (const group of groups) for (const task of group.tasks) packer.text(labelsText(task))
  }
  if (kind.delayed) packer.array(2 * tasks)
  else packer.no()
  if (kind.delayed) {
    for (const group of groups) for (const { due } of group.tasks) packDue(packer, due)
  }
}

function packDue(packer: Packer, due: TaskSpec['due']): void {
  if ('at' in due) packer.int(1).int(due.at)
  else packer.int(0).int(due.inMs)
}

function labelsText({ tags, metadata, headers }: TaskSpec): string {
  return JSON.stringify([tags, metadata, headers])
}

function packNumber(packer: Packer, number: number): void {
  const start = packer.begin(3)
  packer.rawInt(number, 3)
  packer.end(start)
}

/** State, flags and level. */
function packHead(packer: Packer, flags: number, level: number): void {
  packer.rawAscii('p')
  packer.rawInt(flags, 2)
  packer.rawInt(level, 1)
}

/** More than all columns but the payload. */
const LONGEST_COLUMNS = 64

/** The record of a new task from its queue on. */
function packColumns(packer: Packer, task: TaskSpec, names: Names): void {
  const { payload, digest } = task
  const { queue, route, terms } = names.shapeOf(task)
  packer.rawInt(queue, 3)
  packer.rawInt(route, 3)
  packer.rawInt(terms, 3)
  packer.rawAscii(digest)
  packer.rawInt(0, 4)
  if (isApart(payload)) packer.rawInt(Buffer.byteLength(payload), 4)
  else if (typeof payload === 'string') packer.rawText(payload)
  else packer.rawBytes(payload)
}

/** The record but for what the store knows better: its number, and its times. */
function packRecord(packer: Packer, task: TaskSpec, names: Names): void {
  const { payload } = task
  const apart = isApart(payload)
  const flags =
    (task.held ? FLAG.held : 0) +
    (isBinary(task) ? FLAG.binary : 0) +
    (apart ? FLAG.apart : 0) +
    (task.idMadeBy === 'user' ? FLAG.user : 0)
  const start = packer.begin(LONGEST_COLUMNS + (apart ? 0 : 3 * payload.length))
  packHead(packer, flags, task.level)
  packColumns(packer, task, names)
  packer.end(start)
}

function packGroup(packer: Packer, { tasks, under, gate }: TaskGroup, names: Names): void {
  packer.array(4).int(2)
  if (under === null) packer.no()
  else {
    packer.array(2).id(under.task)
    const start = packer.begin(12)
    packer.rawInt(under.epoch, 4)
    packer.rawHex(under.nonce, 16)
    packer.end(start)
  }
  if (gate === null) packer.no()
  else packer.text(gate)
  packer.array(tasks.length)
  for (const task of tasks) packTask(packer, task, names)
}

export function packTask(packer: Packer, task: TaskSpec, names: Names): void {
  packer.array(14).id(task.id)
  packRecord(packer, task, names)
  packDue(packer, task.due)
  packExtras(packer, task, names)
  const start = packer.begin(17 * task.after.length)
  for (const { parent, ifFailed } of task.after) {
    packer.rawId(parent)
    packer.rawAscii(IF_FAILED[ifFailed])
  }
  packer.end(start)
  if (task.unique === null) packer.no().text('k')
  else packer.text(task.unique.key).text(THEN[task.unique.then])
  packer.int(task.startByMs ?? -1).int(task.deadlineMs ?? -1)
  if (!isApart(task.payload)) packer.no()
  else if (typeof task.payload === 'string') packer.text(task.payload)
  else packer.bytes(task.payload)
  packHold(packer, task.unique)
  packer.int(task.idMadeBy === 'client' ? 1 : 0)
}

const THEN = { keep: 'k', replace: 'p', reject: 'r' } as const

/** What holds the key, and how long. */
function packHold(packer: Packer, unique: UniqueSpec | null): void {
  if (unique !== null && isWindow(unique)) packer.text('t').int(unique.while.withinMs)
  else packer.text(unique?.while === 'waiting' ? 'w' : 'l').int(0)
}

function packExtras(packer: Packer, task: TaskSpec, names: Names): void {
  const extras: string[] = []
  if (hasLabels(task)) extras.push('l', labelsText(task))
  if (names.shapeOf(task).terms === OWN_TERMS) {
    extras.push('t', names.termsText(task.policy, task.timeoutMs))
  }
  packer.array(extras.length)
  for (const text of extras) packer.text(text)
}

const CREATED: AddVerdict = Object.freeze({ outcome: 'created' })
const ONE_CREATED: GroupAnswer = Object.freeze({ outcome: 'added', tasks: Object.freeze([CREATED]) })

/** The answers in the order of the groups. */
export function unpackAdd(parts: readonly Part[], reply: Reply): readonly GroupAnswer[] {
  const given = reply as readonly (number | readonly Reply[])[]
  return parts.flatMap((part, index) => {
    const answer = given[index]!
    if (typeof answer !== 'number') return answer.map((one) => groupAnswer(one as readonly Reply[]))
    return 'groups' in part ? part.groups.map(({ tasks }) => allCreated(tasks.length)) : []
  })
}

function allCreated(size: number): GroupAnswer {
  if (size === 1) return ONE_CREATED
  return { outcome: 'added', tasks: Array.from({ length: size }, () => CREATED) }
}

export function groupAnswer([what, ...rest]: readonly Reply[]): GroupAnswer {
  switch (String(what)) {
    case 'a':
      return { outcome: 'added', tasks: rest.map((of) => verdictOf(of as Buffer)) }
    case 's':
      return { outcome: 'stale' }
    default:
      return rejected(rest)
  }
}

function verdictOf(of: Buffer): AddVerdict {
  if (of.length === 0) return CREATED
  return of.length === ID_BYTES
    ? { outcome: 'replaced', previous: idOf(of, 0) }
    : { outcome: 'duplicate', by: refOf(of) }
}

const ID_BYTES = 16

function refOf(of: Buffer): TaskRef {
  const state = of.toString('latin1', ID_BYTES)
  return { id: idOf(of, 0), state: state === 'g' ? 'gone' : STATES[state]! }
}

function rejected([index, code, first, second]: readonly Reply[]): GroupAnswer {
  const given = first as Buffer
  const at = { outcome: 'rejected', index: index as number } as const
  switch (String(code)) {
    case 'conflict':
      return { ...at, rejection: { code: 'conflict', id: idOf(given, 0) } }
    case 'unique':
      return { ...at, rejection: { code: 'unique', key: given.toString(), by: refOf(second as Buffer) } }
    case 'unknown-parent':
      return { ...at, rejection: { code: 'unknown-parent', parent: idOf(given, 0) } }
    default:
      return { ...at, rejection: { code: 'gate-gone', gate: given.toString() } }
  }
}
