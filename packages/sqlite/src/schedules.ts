/** Schedules: rows by name, and the tick. */
import { FINAL_FROM, isChange, STATE } from '@millrace/core/store'
import { addGroup } from './groups.ts'
import { cancel } from './commanding.ts'
import { idBytes, idFromHex } from './codes.ts'
import { tellDependents } from './dependents.ts'
import {
  ADVANCE,
  NEXT_VERSION,
  PUT_SCHEDULE,
  RAN,
  REMOVE_SCHEDULE,
  SCHEDULE,
  SCHEDULES,
  SCHEDULES_WAITING,
} from './statements/schedules.ts'
import { PARENTS_OF } from './statements/dependents.ts'
import { draftOf, save, seqOf, stateNow } from './tasks.ts'
import type {
  AddVerdict,
  DueSchedules,
  Edge,
  IfFailed,
  Overlap,
  SchedulePut,
  SchedulePutAnswer,
  ScheduleRecord,
  TaskId,
  TaskSpec,
  Tick,
  TickAnswer,
} from '@millrace/core/store'
import type { Pass } from './home.ts'

type Row = [
  name: string,
  version: number,
  plan: string,
  paused: number,
  nextAt: number | null,
  lastAt: number | null,
  lastTask: string,
]

function recordOf([name, version, plan, paused, nextAt, lastAt, lastTask]: Row): ScheduleRecord {
  const last = lastTask === '' ? null : idFromHex(lastTask.toLowerCase())
  return { name, version, plan, paused: paused === 1, nextAt, lastAt, lastTask: last }
}

export function schedule({ database }: Pass, name: string): ScheduleRecord | null {
  const row = database.get<Row>(SCHEDULE, name)
  return row === undefined ? null : recordOf(row)
}

export function schedules(
  { database }: Pass,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): readonly ScheduleRecord[] {
  return database.all<Row>(SCHEDULES, after ?? '', limit).map(recordOf)
}

export function dueSchedules({ database, now }: Pass, { max }: { readonly max: number }): DueSchedules {
  const waiting = database.all<Row>(SCHEDULES_WAITING, max + 1).map(recordOf)
  const due = waiting.filter(({ nextAt }) => nextAt! <= now).slice(0, max)
  const next = waiting[due.length]
  return { now, due, nextInMs: next === undefined ? null : Math.max(next.nextAt! - now, 0) }
}

export function putSchedule(pass: Pass, request: SchedulePut): SchedulePutAnswer {
  const { database, hint } = pass
  const { name, ifVersion, plan, paused, nextAt } = request
  const before = schedule(pass, name)
  if ((before?.version ?? null) !== ifVersion) {
    return { outcome: 'conflict', version: before?.version ?? null }
  }
  const [version] = database.get<[number]>(NEXT_VERSION)!
  const next = nextAt === 'keep' ? (before?.nextAt ?? null) : nextAt
  database.run(PUT_SCHEDULE, name, version, plan, paused ? 1 : 0, next)
  hint.schedules = true
  return { outcome: 'put', version }
}

export function removeSchedule({ database }: Pass, name: string): 'removed' | 'unknown' {
  return database.run(REMOVE_SCHEDULE, name) === 1 ? 'removed' : 'unknown'
}

/** The last run, while it lives. */
interface Last {
  readonly id: string
  readonly seq: number
  /** As readers know it. */
  readonly state: number
}

export function tick(pass: Pass, request: Tick): TickAnswer {
  const { name, version, fireAt, overlap } = request
  const row = schedule(pass, name)
  if (row?.version !== version || row.paused || row.nextAt !== fireAt || fireAt > pass.now) {
    return { outcome: 'stale' }
  }
  const last = liveLast(pass, row, request)
  if (last !== null && overlap === 'skip') {
    advance(pass, request, [])
    return { outcome: 'skipped' }
  }
  const added = addGroup(pass, { tasks: behindLast(pass, request, last), under: null, gate: null })
  if (added.outcome === 'rejected') return added
  // neither a fence nor a lock can be in its way
  if (added.outcome !== 'added') throw new Error(`the runs of a schedule were ${added.outcome}`)
  if (last !== null && overlap === 'replace') replace(pass, name, last)
  advance(pass, request, added.tasks)
  tellDependents(pass)
  return { outcome: 'ticked', tasks: added.tasks }
}

/** One that is to be enqueued itself is in nobody's way. */
function liveLast(pass: Pass, { lastTask }: ScheduleRecord, { tasks }: Tick): Last | null {
  if (lastTask === null || tasks.some(({ id }) => id === lastTask)) return null
  const seq = seqOf(pass, lastTask)
  const draft = seq === undefined ? undefined : draftOf(pass, seq)
  if (draft === undefined || draft.task.state >= FINAL_FROM) return null
  return { id: lastTask, seq: draft.task.seq, state: stateNow(draft.task) }
}

/** The first of the runs waits for the last one where that is asked for, and there is something to wait for. */
function behindLast(pass: Pass, { tasks, overlap }: Tick, last: Last | null): readonly TaskSpec[] {
  const [first, ...others] = tasks
  if (first === undefined || last === null) return tasks
  return [{ ...first, after: [...first.after, ...inFront(pass, last, overlap)] }, ...others]
}

/** Whoever is replaced before it could start leaves to its successor for whom it waited. */
function inFront({ database }: Pass, { id, seq, state }: Last, overlap: Overlap): readonly Edge[] {
  if (overlap === 'queue' || (overlap === 'replace' && state === STATE.running))
    return [{ parent: id, ifFailed: 'run' }]
  if (overlap !== 'replace' || state !== STATE.blocked) return []
  const [parents] = database.get<[string | null]>(PARENTS_OF, seq)!
  const edges = parents === null ? [] : (JSON.parse(parents) as [TaskId, IfFailed][])
  return edges.map(([parent, ifFailed]) => ({ parent, ifFailed }))
}

function replace(pass: Pass, name: string, { seq }: Last): void {
  const draft = draftOf(pass, seq)!
  if (isChange(cancel(pass, draft, `replaced by the next run of ${name}`))) save(pass, draft)
}

function advance({ database }: Pass, request: Tick, verdicts: readonly AddVerdict[]): void {
  const { name, tasks, nextAt, lastAt } = request
  database.run(ADVANCE, nextAt, name)
  const verdict = verdicts.at(-1)
  if (verdict === undefined) return
  const id = verdict.outcome === 'duplicate' ? verdict.by.id : tasks.at(-1)!.id
  database.run(RAN, lastAt, idBytes(id), name)
}
