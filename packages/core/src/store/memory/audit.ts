/** Whether all that is kept beside the tasks agrees with them. */
import { InvalidArgumentError } from '../../task/errors.ts'
import { limitsOn } from './limits.ts'
import { comesFirst } from './series.ts'
import { isFinal, isLive, isWaitingToStart, stateOf, type Task } from './task.ts'
import { isWindow } from '../uniqueness.ts'
import { parentEnded } from './edges.ts'
import type { AuditAnswer, AuditRequest, StoreDefect } from '../audit.ts'
import type { Home, Pass } from './home.ts'
import type { TaskId } from '../records.ts'

/** A defect, and what mends it. */
interface Found extends Omit<StoreDefect, 'remedy'> {
  /** `undefined`: something else than an audit does. */
  readonly mend: (() => void) | null | undefined
}

/** One kind of thing: all there are, and what is wrong with each. */
type Check = (home: Home) => Iterable<readonly Found[]>

/** In this order; a cursor names a check by its place, and how many of its things were looked at. */
const CHECKS: readonly Check[] = [tasks, keys, edges, running, limits]

/** The next things in the order in which they are kept. */
export function audit({ home }: Pass, { cursor, limit, repair }: AuditRequest): AuditAnswer {
  const [check, from] = placeOf(cursor)
  let at = 0
  const found: Found[] = []
  for (const all of CHECKS[check]!(home)) {
    if (at >= from + limit) return { defects: told(found, repair), unseen: [], next: `${check}:${at}` }
    if (at >= from) found.push(...all)
    at += 1
  }
  const next = check + 1 < CHECKS.length ? `${check + 1}:0` : null
  return { defects: told(found, repair), unseen: [], next }
}

function placeOf(cursor: string | null): readonly [check: number, from: number] {
  if (cursor === null) return [0, 0]
  const [check, from] = /^\d{1,9}:\d{1,9}$/.test(cursor) ? cursor.split(':').map(Number) : []
  if (check !== undefined && check < CHECKS.length) return [check, from!]
  throw new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`)
}

function told(found: readonly Found[], repair: boolean): readonly StoreDefect[] {
  return found.map(({ mend, ...defect }) => {
    if (repair) mend?.()
    return { ...defect, remedy: mend === null ? 'operator' : 'repair' }
  })
}

function* tasks(home: Home): Generator<readonly Found[]> {
  for (const task of home.tasks.values()) yield [...placeDefects(home, task), ...waitDefects(home, task)]
}

function* placeDefects(home: Home, task: Task): Generator<Found> {
  const { state, held, inLine } = task
  const { id, queue } = task.spec
  const stands = state === 'pending' && !held && comesFirst(home, task)
  const isRight =
    stands === (inLine !== null) &&
    (state === 'running') === home.running.has(task) &&
    (!isFinal(state) || home.queues.get(queue)?.finals[state].has(task) === true)
  if (isRight) return
  const message = `Task ${id} is ${stateOf(task)}, and does not stand where such tasks do.`
  yield { code: 'lost-place', subject: id, message, mend: null }
}

function* waitDefects(home: Home, task: Task): Generator<Found> {
  if (task.state !== 'blocked') return
  const { id } = task.spec
  const waits = task.after.filter(({ parent }) => waitsFor(home, parent, task)).length
  const is = waits + (task.gate === null ? 0 : 1)
  if (is === task.blockers) return
  const message = `Task ${id} says that it waits for ${task.blockers}, and waits for ${is}.`
  yield { code: 'wait-count', subject: id, message, mend: null }
}

function waitsFor(home: Home, parent: TaskId, task: Task): boolean {
  if (home.edges.get(parent)?.has(task) === true) return true
  return (home.outbox.get(parent) ?? []).some(({ waiting }) => waiting.has(task))
}

function* keys({ tasks: all, keys: held }: Home): Generator<readonly Found[]> {
  for (const [key, task] of held) {
    const { id, unique } = task.spec
    const isRight =
      all.get(id) === task &&
      unique?.key === key &&
      !isWindow(unique) &&
      (unique.while === 'live' ? isLive(task.state) : isWaitingToStart(task.state))
    const message = `The unique key ${JSON.stringify(key)} is held for task ${id}, which does not hold it.`
    yield isRight ? [] : [{ code: 'stray-key', subject: key, message, mend: () => held.delete(key) }]
  }
}

function* edges(home: Home): Generator<readonly Found[]> {
  for (const [parent, waiting] of home.edges) {
    const found: Found[] = []
    for (const task of waiting.keys()) {
      const { id } = task.spec
      if (home.tasks.get(id) === task && task.state === 'blocked') continue
      const message = `Task ${id} is kept among those who wait for ${parent}, and does not wait.`
      found.push({
        code: 'stray-edge',
        subject: `${parent} ${id}`,
        message,
        mend: () => waiting.delete(task),
      })
    }
    const end = home.tasks.get(parent)?.state
    if (end !== undefined && isFinal(end)) {
      const message = `Task ${parent} is ${end}, and those who wait for it were not told.`
      found.push({
        code: 'orphaned-edge',
        subject: parent,
        message,
        mend: () => parentEnded(home, parent, end),
      })
    }
    yield found
  }
}

function* running(home: Home): Generator<readonly Found[]> {
  for (const task of home.running) {
    const { id } = task.spec
    const isRight = home.tasks.get(id) === task && task.state === 'running'
    const message = `Task ${id} is kept among those that run, and does not run.`
    yield isRight
      ? []
      : [{ code: 'stray-claim', subject: id, message, mend: () => home.running.delete(task) }]
  }
}

function* limits(home: Home): Generator<readonly Found[]> {
  for (const [name, { keys: used }] of home.limits) {
    const counts = new Map<string, number>()
    for (const { counted, spec } of home.running) {
      const key = counted.has(name) ? limitsOn(spec).find((one) => one.name === name)?.key : undefined
      if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    for (const [key, usage] of used) {
      const runs = counts.get(key) ?? 0
      const subject = key === '' ? name : `${name} ${key}`
      const message = `Under ${subject} ${usage.used} are counted, and ${runs} run.`
      yield usage.used === runs ? [] : [{ code: 'limit-count', subject, message, mend: undefined }]
    }
  }
}
