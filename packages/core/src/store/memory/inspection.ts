/** What readers see. */
import { handedOut, payloadBytes } from './copies.ts'
import { cursorNumbers, fitsFilter } from './filters.ts'
import { isFinal, isLive, ownerOf, stateOf, type Task } from './task.ts'
import { lanesOf, LEVELS } from './ready.ts'
import { tombstoneOf } from './tombstones.ts'
import type { Pass, Queue } from './home.ts'
import type {
  DueSoon,
  DueSoonRequest,
  ListAnswer,
  ListRequest,
  QueueRecord,
  SessionRecord,
  WaitingRoute,
} from '../inspection.ts'
import { NO_COUNTS } from '../queue-counts.ts'
import type { PublishedDefinition } from '../port.ts'
import type { TaskId, TaskOutcome, TaskRecord, TaskSummary } from '../records.ts'

export function get({ home }: Pass, ids: readonly TaskId[]): readonly (TaskRecord | null)[] {
  return ids.map((id) => {
    const task = home.tasks.get(id)
    return task === undefined ? null : recordOf(task)
  })
}

export function outcomes(
  pass: Pass,
  { ids, bytesMax }: { readonly ids: readonly TaskId[]; readonly bytesMax: number },
): readonly (TaskOutcome | 'later' | null)[] {
  let bytesLeft = bytesMax
  let full = false
  return ids.map((id, index) => {
    const task = pass.home.tasks.get(id)
    const bytes = payloadBytes(task?.result ?? null)
    full ||= index > 0 && bytes > bytesLeft
    if (full) return 'later'
    bytesLeft -= bytes
    return task === undefined ? buriedOutcome(pass, id) : outcomeOf(task)
  })
}

function outcomeOf(task: Task): TaskOutcome {
  const { reason, error, cancel } = task
  return { state: stateOf(task), type: task.spec.type, reason, result: handedOut(task.result), error, cancel }
}

function buriedOutcome(pass: Pass, id: TaskId): TaskOutcome | null {
  const tombstone = tombstoneOf(pass, id)
  if (tombstone === undefined) return null
  return { state: tombstone.state, type: null, reason: null, result: null, error: null, cancel: null }
}

/** Nothing is short here: filters are tested until the page is full. The cursor is the number of its last task. */
export function list({ home }: Pass, { filter, limit, cursor, endedSince = 0 }: ListRequest): ListAnswer {
  const byEnd = filter.states?.every(isFinal) ?? false
  const [before = Infinity] = cursor === null ? [] : cursorNumbers(cursor, 1)
  const tasks: TaskSummary[] = []
  let last = before
  for (const task of (byEnd ? home.ends : home.arrivals).before(before)) {
    if (byEnd && task.finishedAt! < endedSince) break
    if (!fitsFilter(task, filter)) continue
    if (tasks.length >= limit) return { tasks, next: String(last) }
    tasks.push(summaryOf(task))
    last = byEnd ? task.since : task.seq
  }
  return { tasks, next: null }
}

function summaryOf(task: Task): TaskSummary {
  const { spec } = task
  return {
    id: spec.id,
    type: spec.type,
    needs: spec.needs,
    queue: spec.queue,
    level: task.level,
    state: stateOf(task),
    held: task.held,
    reason: task.reason,
    epoch: task.epoch,
    counters: { ...task.counters },
    error: task.error,
    enqueuedAt: task.enqueuedAt,
    runAt: task.runAt,
    startedAt: task.startedAt,
    finishedAt: task.finishedAt,
    timeoutMs: spec.timeoutMs,
    startBy: task.startBy,
    deadlineAt: task.deadlineAt,
    session: task.state === 'running' ? ownerOf(task).session : null,
    cancel: task.cancel,
    blockers: task.blockers,
    uniqueKey: spec.unique?.key ?? null,
    lane: spec.lane,
    dueBy: task.dueBy,
    tags: spec.tags,
    metadata: spec.metadata,
    progress: task.progress,
  }
}

function recordOf(task: Task): TaskRecord {
  return {
    ...summaryOf(task),
    policy: task.spec.policy,
    payload: handedOut(task.payload),
    result: handedOut(task.result),
    checkpoint: handedOut(task.checkpoint),
    after: task.after,
    headers: task.spec.headers,
    logs: [...task.logs],
    history: [...task.history],
  }
}

export function waitingRoutes({ home, now }: Pass): readonly WaitingRoute[] {
  const routes: WaitingRoute[] = []
  for (const [queue, types] of home.lines) {
    for (const [type, lines] of types) {
      for (const line of lines) {
        const heads = LEVELS.flatMap((level) => lanesOf([line], level)).map(
          (lane) => lane.first(now)?.item.runAt,
        )
        const due = heads.filter((runAt) => runAt !== undefined)
        if (due.length > 0) routes.push({ queue, type, needs: line.needs, dueSince: Math.min(...due) })
      }
    }
  }
  return routes
}

/** A look at all that there is, which nobody minds here. */
export function dueSoon(
  { home, now }: Pass,
  { sinceMs, withinMs, limit }: DueSoonRequest,
): readonly DueSoon[] {
  const found: DueSoon[] = []
  for (const { state, spec, dueBy } of home.tasks.values()) {
    if (dueBy === null || dueBy < now - sinceMs || dueBy > now + withinMs) continue
    if (state !== 'running' && isLive(state))
      found.push({ id: spec.id, queue: spec.queue, type: spec.type, dueBy })
  }
  return found.toSorted((a, b) => a.dueBy - b.dueBy).slice(0, limit)
}

/** Queues that have tasks or settings, by name. */
export function queues(pass: Pass): readonly QueueRecord[] {
  const records = new Map<string, Counted>()
  for (const [name, queue] of pass.home.queues) {
    if (queue.configured || queue.tasks > 0) records.set(name, newRecord(name, queue))
  }
  for (const task of pass.home.tasks.values()) count(records.get(task.spec.queue)!, task, pass.now)
  return [...records.values()].toSorted((a, b) => (a.queue < b.queue ? -1 : 1))
}

type Counted = Omit<QueueRecord, 'counts' | 'oldestReadyAt'> & {
  readonly counts: { -readonly [K in keyof QueueRecord['counts']]: number }
  oldestReadyAt: number | null
}

function newRecord(queue: string, { paused, retention }: Queue): Counted {
  return { queue, paused: paused !== null, retention, counts: { ...NO_COUNTS }, oldestReadyAt: null }
}

function count(record: Counted, task: Task, now: number): void {
  const state = stateOf(task)
  if (state !== 'pending') record.counts[state] += 1
  else if (task.held) record.counts.held += 1
  else if (task.runAt > now) record.counts.scheduled += 1
  else {
    record.counts.ready += 1
    record.oldestReadyAt = Math.min(record.oldestReadyAt ?? Infinity, task.runAt)
  }
}

/** Sessions whose lease holds. */
export function sessions({ home, now }: Pass): readonly SessionRecord[] {
  return [...home.sessions.values()]
    .filter((session) => session.expiresAt > now)
    .map(({ request, openedAt, since, expiresAt, running, order }) => {
      const { ttlMs: _ttlMs, definitions: _definitions, ...rest } = request
      return { ...rest, openedAt, since, expiresAt, running: running.size, order }
    })
}

export function definitions({ home }: Pass): readonly PublishedDefinition[] {
  return [...home.definitions.values()]
}
