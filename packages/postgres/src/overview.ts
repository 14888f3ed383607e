/** What readers see of queues, sessions and definitions. */
import { NO_COUNTS, orderOf, STATE, stateOf } from '@millrace/core/store'
import { now } from './inspector.ts'
import {
  READ_COUNTS,
  READ_DEFINITIONS,
  READ_DUE_SOON,
  READ_QUEUES,
  READ_RUNNING,
  READ_SESSIONS,
  READ_WAITING,
} from './statements/inspection.ts'
import type {
  DueSoon,
  DueSoonRequest,
  PublishedDefinition,
  QueueCounts,
  QueueRecord,
  Retention,
  SessionRecord,
  SessionOrder,
  SessionRequest,
  WaitingRoute,
} from '@millrace/core/store'
import { inPass, type Home } from './pass.ts'

type QueueRow = readonly [
  key: number,
  name: string,
  configured: boolean,
  paused: boolean,
  retention: string | null,
]
type CountRow = readonly [
  queue: number,
  state: number,
  held: boolean,
  due: boolean,
  count: number,
  oldest: number | null,
]

type Counted = Omit<QueueRecord, 'counts' | 'oldestReadyAt'> & {
  readonly counts: { -readonly [K in keyof QueueCounts]: number }
  oldestReadyAt: number | null
}

export async function queues(home: Home): Promise<readonly QueueRecord[]> {
  const at = await now(home)
  const counts = await home.database.rows<CountRow>(READ_COUNTS, [at])
  const known = await home.database.rows<QueueRow>(READ_QUEUES)
  const records = new Map<number, Counted>()
  const used = new Set(counts.filter((row) => row[4] > 0).map(([queue]) => queue))
  for (const [key, queue, configured, paused, retention] of known) {
    if (!configured && !used.has(key)) continue
    records.set(key, {
      queue,
      paused,
      counts: { ...NO_COUNTS },
      oldestReadyAt: null,
      retention: retention === null ? null : (JSON.parse(retention) as Retention),
    })
  }
  for (const row of counts) {
    const record = records.get(row[0])
    if (record !== undefined) count(record, row)
  }
  return [...records.values()]
}

function count(record: Counted, [, state, held, due, number, oldest]: CountRow): void {
  const { counts } = record
  if (state !== STATE.pending) counts[stateOf(state) as Exclude<keyof QueueCounts, 'pending'>] += number
  else if (held) counts.held += number
  else if (!due) counts.scheduled += number
  else {
    counts.ready += number
    record.oldestReadyAt = oldest
  }
}

type WaitingRow = readonly [queue: number, route: number, dueSince: number]

/** What is due and stands in line, by queue, type and needs. */
export async function waitingRoutes(home: Home): Promise<readonly WaitingRoute[]> {
  const { names } = home
  const rows = await inPass(home, ({ connection, now: at }) =>
    connection.rows<WaitingRow>(READ_WAITING, [at]),
  )
  await names.queues.learn(rows.map(([queue]) => queue))
  await names.routes.learn(rows.map(([, route]) => route))
  return rows.map(([queue, route, dueSince]) => {
    return { queue: names.queues.value(queue), ...names.routes.value(route), dueSince }
  })
}

type DueRow = readonly [id: string, queue: number, route: number, dueBy: number]

export async function dueSoon(
  home: Home,
  { sinceMs, withinMs, limit }: DueSoonRequest,
): Promise<readonly DueSoon[]> {
  const { names } = home
  const rows = await inPass(home, ({ connection, now: at }) =>
    connection.rows<DueRow>(READ_DUE_SOON, [at - sinceMs, at + withinMs, limit]),
  )
  await names.queues.learn(rows.map(([, queue]) => queue))
  await names.routes.learn(rows.map(([, , route]) => route))
  return rows.map(([id, queue, route, dueBy]) => {
    return { id, queue: names.queues.value(queue), type: names.routes.value(route).type, dueBy }
  })
}

type SessionRow = readonly [
  key: number,
  id: string,
  openedAt: number,
  since: number,
  expiresAt: number,
  profile: string,
  end: SessionOrder['end'],
  concurrency: number | null,
]
type Profile = Omit<SessionRequest, 'session' | 'ttlMs' | 'definitions'>

/** Sessions whose lease holds. */
export async function sessions(home: Home): Promise<readonly SessionRecord[]> {
  const rows = await home.database.rows<SessionRow>(READ_SESSIONS, [await now(home)])
  const keys = rows.map(([key]) => key)
  const running = new Map(await home.database.rows<[session: number, count: number]>(READ_RUNNING, [keys]))
  return rows.map(([key, session, openedAt, since, expiresAt, profile, end, concurrency]) => {
    return {
      ...(JSON.parse(profile) as Profile),
      session,
      openedAt,
      since,
      expiresAt,
      running: running.get(key) ?? 0,
      order: orderOf(end, concurrency),
    }
  })
}

export async function definitions({ database }: Home): Promise<readonly PublishedDefinition[]> {
  const rows = await database.rows<[string]>(READ_DEFINITIONS)
  return rows.map(([json]) => JSON.parse(json) as PublishedDefinition)
}
