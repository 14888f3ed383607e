/** Schedules: rows by name, and the tick. */
import { STATE } from '@millrace/core/store'
import { addWhole, nameAll } from './adding.ts'
import { requestCancel } from './commanding.ts'
import { foresee } from './foresight.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { now } from './inspector.ts'
import { tellDependents } from './dependents.ts'
import {
  ADVANCE,
  ADVANCE_AND_RAN,
  CHANGE_SCHEDULE,
  LOCK_SCHEDULE,
  NEW_SCHEDULE,
  REMOVE_SCHEDULE,
  SCHEDULE,
  SCHEDULES,
  SCHEDULES_WAITING,
} from './statements/schedules.ts'
import { draftOf, isFinal, isRunning, load, type Draft } from './tasks.ts'
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

type Row = readonly [
  name: string,
  version: number,
  plan: string,
  paused: boolean,
  nextAt: number | null,
  lastAt: number | null,
  lastTask: string | null,
]

function recordOf([name, version, plan, paused, nextAt, lastAt, lastTask]: Row): ScheduleRecord {
  return { name, version, plan, paused, nextAt, lastAt, lastTask }
}

export async function schedule({ database }: Home, name: string): Promise<ScheduleRecord | null> {
  const [row] = await database.rows<Row>(SCHEDULE, [name])
  return row === undefined ? null : recordOf(row)
}

export async function schedules(
  { database }: Home,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<readonly ScheduleRecord[]> {
  return (await database.rows<Row>(SCHEDULES, [after ?? '', limit])).map(recordOf)
}

export async function dueSchedules(home: Home, { max }: { readonly max: number }): Promise<DueSchedules> {
  const at = await now(home)
  const waiting = (await home.database.rows<Row>(SCHEDULES_WAITING, [max + 1])).map(recordOf)
  const due = waiting.filter(({ nextAt }) => nextAt! <= at).slice(0, max)
  const next = waiting[due.length]
  return { now: at, due, nextInMs: next === undefined ? null : Math.max(next.nextAt! - at, 0) }
}

export function putSchedule(home: Home, request: SchedulePut): Promise<SchedulePutAnswer> {
  const { name, ifVersion, plan, paused, nextAt } = request
  return inPass(home, async ({ connection, hint }): Promise<SchedulePutAnswer> => {
    const keeps = nextAt === 'keep'
    const next = keeps ? null : nextAt
    const [row] =
      ifVersion === null
        ? await connection.rows<[number]>(NEW_SCHEDULE, [name, plan, paused, next])
        : await connection.rows<[number]>(CHANGE_SCHEDULE, [name, ifVersion, plan, paused, keeps, next])
    if (row === undefined) {
      const [there] = await connection.rows<Row>(SCHEDULE, [name])
      return { outcome: 'conflict', version: there?.[1] ?? null }
    }
    hint.schedules = true
    return { outcome: 'put', version: row[0] }
  })
}

export async function removeSchedule({ database }: Home, name: string): Promise<'removed' | 'unknown'> {
  return (await database.run(REMOVE_SCHEDULE, [name])) === 1 ? 'removed' : 'unknown'
}

export async function tick(home: Home, request: Tick): Promise<TickAnswer> {
  const { name, version, fireAt, tasks } = request
  const group = { tasks, under: null, gate: null }
  await nameAll(home, [group])
  return inPass(home, async (pass): Promise<TickAnswer> => {
    const [row] = await pass.connection.rows<Row>(LOCK_SCHEDULE, [name])
    const record = row === undefined ? undefined : recordOf(row)
    if (record?.version !== version || record.paused || record.nextAt !== fireAt || fireAt > pass.now) {
      return { outcome: 'stale' }
    }
    return run(pass, request, await liveLast(pass, record, request))
  })
}

async function run(pass: Pass, request: Tick, last: Draft | null): Promise<TickAnswer> {
  const { name, overlap } = request
  if (last !== null && overlap === 'skip') {
    await advance(pass, request, [])
    return { outcome: 'skipped' }
  }
  const group = { tasks: behindLast(request, last), under: null, gate: null }
  const foresight = await foresee(pass, [group])
  const added = await addWhole(pass, foresight, group)
  if (added.outcome === 'rejected') return added
  // neither a fence nor a lock can be in its way
  if (added.outcome !== 'added') throw new Error(`the runs of a schedule were ${added.outcome}`)
  await foresight.write(pass)
  if (last !== null && overlap === 'replace') {
    // what was written meanwhile stands elsewhere
    const draft = draftOf(pass, last.task.id)!
    requestCancel(pass, draft, `replaced by the next run of ${name}`)
  }
  await advance(pass, request, added.tasks)
  await tellDependents(pass)
  return { outcome: 'ticked', tasks: added.tasks }
}

/** The last run, while it lives; it is locked. One that is to be enqueued itself is in nobody's way. */
async function liveLast(pass: Pass, { lastTask }: ScheduleRecord, { tasks }: Tick): Promise<Draft | null> {
  if (lastTask === null || tasks.some(({ id }) => id === lastTask)) return null
  await load(pass, [lastTask])
  const draft = draftOf(pass, lastTask)
  return draft === undefined || isFinal(draft.task) ? null : draft
}

/** The first of the runs waits for the last one where that is asked for, and there is something to wait for. */
function behindLast({ tasks, overlap }: Tick, last: Draft | null): readonly TaskSpec[] {
  const [first, ...others] = tasks
  if (first === undefined || last === null) return tasks
  return [{ ...first, after: [...first.after, ...inFront(last, overlap)] }, ...others]
}

/** Whoever is replaced before it could start leaves to its successor for whom it waited. */
function inFront({ task }: Draft, overlap: Overlap): readonly Edge[] {
  const { id, state, parents } = task
  if (overlap === 'queue' || (overlap === 'replace' && isRunning(task)))
    return [{ parent: id, ifFailed: 'run' }]
  if (overlap !== 'replace' || state !== STATE.blocked || parents === null) return []
  return (JSON.parse(parents) as [TaskId, IfFailed][]).map(([parent, ifFailed]) => ({ parent, ifFailed }))
}

async function advance({ connection }: Pass, request: Tick, verdicts: readonly AddVerdict[]): Promise<void> {
  const { name, tasks, nextAt, lastAt } = request
  const verdict = verdicts.at(-1)
  if (verdict === undefined) {
    await connection.run(ADVANCE, [name, nextAt])
    return
  }
  const id = verdict.outcome === 'duplicate' ? verdict.by.id : tasks.at(-1)!.id
  await connection.run(ADVANCE_AND_RAN, [name, nextAt, lastAt, id])
}
