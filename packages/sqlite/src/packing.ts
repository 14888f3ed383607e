/** On the main thread: `add` as it travels, and its answer as the port has it. */
import { InvalidArgumentError } from '@millrace/core'
import { checkReplacements } from '@millrace/core/store'
import { writeId } from './codes.ts'
import type {
  AddRequest,
  AddVerdict,
  GroupAnswer,
  TaskGroup,
  TaskPolicy,
  TaskSpec,
} from '@millrace/core/store'
import type { AddPart, PackedAdd, PackedAddAnswer, PlainTasks, Shape } from './wire.ts'

/**
 * Packs an `add`: plain groups that stand together become one run, the others go as they are.
 *
 * @throws InvalidArgumentError for a task in a lane, which no store serves yet, and for a replacement behind a gate
 */
export function packAdd({ groups, again }: AddRequest): PackedAdd {
  const parts: AddPart[] = []
  let run: TaskGroup[] = []
  const endRun = (): void => {
    if (run.length > 0) parts.push({ plain: packPlain(run) })
    run = []
  }
  for (const group of groups) {
    // a repeat may name a task that was removed meanwhile, which only a closer look finds
    if (!again && isPlain(group)) {
      run.push(group)
      continue
    }
    checkLanes(group)
    checkReplacements([group])
    endRun()
    parts.push({ group })
  }
  endRun()
  return { parts }
}

function checkLanes({ tasks }: TaskGroup): void {
  if (tasks.some((task) => task.lane !== null)) {
    throw new InvalidArgumentError('A task has a lane, and this store serves none.')
  }
}

function isPlain({ tasks, under, gate }: TaskGroup): boolean {
  return under === null && gate === null && tasks.length > 0 && tasks.every(isPlainTask)
}

function isPlainTask(spec: TaskSpec): boolean {
  return (
    spec.idMadeBy === 'client' &&
    spec.after.length === 0 &&
    spec.unique === null &&
    spec.lane === null &&
    !spec.held &&
    typeof spec.payload === 'string' &&
    'inMs' in spec.due &&
    spec.due.inMs === 0 &&
    spec.startByMs === null &&
    spec.deadlineMs === null &&
    spec.tags.length === 0 &&
    isEmpty(spec.metadata) &&
    isEmpty(spec.headers)
  )
}

function isEmpty(record: Readonly<Record<string, string>>): boolean {
  for (const _ in record) return false
  return true
}

function packPlain(groups: readonly TaskGroup[]): PlainTasks {
  let count = 0
  for (const { tasks } of groups) count += tasks.length
  const sizes = new Uint32Array(groups.length)
  const ids = new Uint8Array(16 * count)
  const lengths = new Uint32Array(count)
  const shapeOf = new Uint16Array(count)
  const shapes = new Shapes()
  let [payloads, digests, at] = ['', '', 0]
  for (const [index, { tasks }] of groups.entries()) {
    sizes[index] = tasks.length
    for (const task of tasks) {
      const payload = task.payload as string
      writeId(ids, 16 * at, task.id)
      payloads += payload
      digests += task.digest
      lengths[at] = payload.length
      shapeOf[at] = shapes.indexOf(task)
      at += 1
    }
  }
  return { count, groups: sizes, ids, digests, shapes: shapes.all, shapeOf, payloads, lengths }
}

/** The shapes of a request, each once. Tasks of one definition come together, so the last one mostly fits. */
class Shapes {
  readonly all: Shape[] = []
  readonly #indexes = new Map<string, number>()
  #last: TaskSpec | undefined
  #lastIndex = 0

  indexOf(task: TaskSpec): number {
    const last = this.#last
    const same =
      last !== undefined &&
      last.type === task.type &&
      last.queue === task.queue &&
      last.level === task.level &&
      last.policy === task.policy &&
      last.timeoutMs === task.timeoutMs &&
      last.needs === task.needs
    if (!same) this.#lastIndex = this.#find(task)
    this.#last = task
    return this.#lastIndex
  }

  #find({ type, needs, queue, level, policy, timeoutMs }: TaskSpec): number {
    const shape: Shape = { type, needs, queue, level, terms: termsOf(policy, timeoutMs) }
    const key = JSON.stringify(shape)
    let index = this.#indexes.get(key)
    if (index === undefined) {
      index = this.all.push(shape) - 1
      this.#indexes.set(key, index)
    }
    return index
  }
}

/** The JSON of a policy and a time limit, made once for the policies that definitions share. */
const known = new WeakMap<TaskPolicy, Map<number | null, string>>()

function termsOf(policy: TaskPolicy, timeoutMs: number | null): string {
  let byTimeout = known.get(policy)
  if (byTimeout === undefined) known.set(policy, (byTimeout = new Map<number | null, string>()))
  let terms = byTimeout.get(timeoutMs)
  if (terms === undefined) byTimeout.set(timeoutMs, (terms = JSON.stringify([policy, timeoutMs])))
  return terms
}

const CREATED: AddVerdict = Object.freeze({ outcome: 'created' })
const ONE_CREATED: GroupAnswer = Object.freeze({ outcome: 'added', tasks: Object.freeze([CREATED]) })

/** The answers in the order of the groups. */
export function unpackAdd({ parts }: PackedAdd, answer: PackedAddAnswer): readonly GroupAnswer[] {
  const answers: GroupAnswer[] = []
  for (const [index, part] of parts.entries()) {
    const given = answer.parts[index]!
    if (given !== null) answers.push(...given)
    else if ('plain' in part) for (const size of part.plain.groups) answers.push(allCreated(size))
  }
  return answers
}

function allCreated(size: number): GroupAnswer {
  if (size === 1) return ONE_CREATED
  return { outcome: 'added', tasks: Array.from({ length: size }, () => CREATED) }
}
