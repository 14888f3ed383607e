/** Schedules: rows by name, and the tick. */
import { addGroup } from './adding.ts'
import { cancel } from './commander.ts'
import { tellDependents } from './dependents.ts'
import { isLive, type Task } from './task.ts'
import type { Pass } from './home.ts'
import type {
  DueSchedules,
  Overlap,
  SchedulePut,
  SchedulePutAnswer,
  ScheduleRecord,
  Tick,
  TickAnswer,
} from '../schedules.ts'
import type { AddVerdict } from '../port.ts'
import type { Edge, TaskSpec } from '../records.ts'

export function putSchedule({ home, hint }: Pass, request: SchedulePut): SchedulePutAnswer {
  const { name, ifVersion, plan, paused, nextAt } = request
  const before = home.schedules.get(name)
  if ((before?.version ?? null) !== ifVersion) {
    return { outcome: 'conflict', version: before?.version ?? null }
  }
  const version = ++home.scheduleVersion
  const last = { lastAt: before?.lastAt ?? null, lastTask: before?.lastTask ?? null }
  const next = nextAt === 'keep' ? (before?.nextAt ?? null) : nextAt
  home.schedules.set(name, { name, version, plan, paused, nextAt: next, ...last })
  hint.schedules = true
  return { outcome: 'put', version }
}

export function removeSchedule({ home }: Pass, name: string): 'removed' | 'unknown' {
  return home.schedules.delete(name) ? 'removed' : 'unknown'
}

export function schedule({ home }: Pass, name: string): ScheduleRecord | null {
  return home.schedules.get(name) ?? null
}

export function schedules(
  { home }: Pass,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): readonly ScheduleRecord[] {
  return [...home.schedules.values()]
    .filter(({ name }) => after === null || name > after)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .slice(0, limit)
}

export function dueSchedules({ home, now }: Pass, { max }: { readonly max: number }): DueSchedules {
  const waiting = [...home.schedules.values()]
    .filter(({ paused, nextAt }) => !paused && nextAt !== null)
    .sort((one, other) => one.nextAt! - other.nextAt! || (one.name < other.name ? -1 : 1))
  const due = waiting.filter(({ nextAt }) => nextAt! <= now).slice(0, max)
  const next = waiting[due.length]
  return { now, due, nextInMs: next === undefined ? null : Math.max(next.nextAt! - now, 0) }
}

export function tick(pass: Pass, request: Tick): TickAnswer {
  const { home, now } = pass
  const { name, version, fireAt, overlap } = request
  const row = home.schedules.get(name)
  if (row?.version !== version || row.paused || row.nextAt !== fireAt || fireAt > now)
    return { outcome: 'stale' }
  const last = liveLast(pass, row, request)
  if (last !== null && overlap === 'skip') {
    advance(pass, row, { request, verdicts: [] })
    return { outcome: 'skipped' }
  }
  const tasks = behindLast(request, last)
  const added = addGroup(pass, { tasks, under: null, gate: null })
  if (added.outcome !== 'added') {
    // neither a fence nor a lock can be in its way
    if (added.outcome === 'rejected') return added
    throw new Error(`the runs of a schedule were ${added.outcome}`)
  }
  if (last !== null && overlap === 'replace') cancel(pass, last, `replaced by the next run of ${name}`)
  advance(pass, row, { request, verdicts: added.tasks })
  tellDependents(pass)
  return { outcome: 'ticked', tasks: added.tasks }
}

/** The last run, if it lives. One that is to be enqueued itself is in nobody's way. */
function liveLast({ home }: Pass, { lastTask }: ScheduleRecord, { tasks }: Tick): Task | null {
  if (lastTask === null || tasks.some(({ id }) => id === lastTask)) return null
  const task = home.tasks.get(lastTask)
  return task !== undefined && isLive(task.state) ? task : null
}

/** The first of the runs waits for the last one where that is asked for, and there is something to wait for. */
function behindLast({ tasks, overlap }: Tick, last: Task | null): readonly TaskSpec[] {
  const [first, ...others] = tasks
  if (first === undefined || last === null) return tasks
  return [{ ...first, after: [...first.after, ...inFront(last, overlap)] }, ...others]
}

/** Whoever is replaced before it could start leaves to its successor for whom it waited. */
function inFront({ spec: { id }, state, after }: Task, overlap: Overlap): readonly Edge[] {
  if (overlap === 'queue' || (overlap === 'replace' && state === 'running'))
    return [{ parent: id, ifFailed: 'run' }]
  return overlap === 'replace' && state === 'blocked' ? after : []
}

function advance(
  { home }: Pass,
  row: ScheduleRecord,
  { request, verdicts }: { readonly request: Tick; readonly verdicts: readonly AddVerdict[] },
): void {
  const { tasks, nextAt, lastAt } = request
  const verdict = verdicts.at(-1)
  const ran =
    verdict === undefined
      ? {}
      : { lastAt, lastTask: verdict.outcome === 'duplicate' ? verdict.by.id : tasks.at(-1)!.id }
  home.schedules.set(row.name, { ...row, nextAt, ...ran })
}
