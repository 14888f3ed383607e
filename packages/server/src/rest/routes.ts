/** Where each call is found over REST: method, path, and where the parts of its input come from. */

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * How a parameter of a query is read: as it is, as a number, as true or false, as a duration, as a list (`state=failed&state=running`), or as
 * texts by their names (`metadata[customer]=42`).
 */
export type QueryKind = 'text' | 'number' | 'flag' | 'span' | 'list' | 'map'

/** A call over REST. What stands in braces in the path is a member of its input, too. */
export interface Route {
  readonly method: Method
  readonly path: string
  /** The name of the call. */
  readonly call: string
  /** Members of the input that stand in the query. */
  readonly query?: Readonly<Record<string, QueryKind>> | undefined
  /** Members of the input that are headers, by the header's name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Whether the rest of the input is the body, as JSON. */
  readonly body?: 'json' | undefined
  /** `created`: 201 where the answer says so. Default: 200. */
  readonly answers?: 'created' | undefined
}

const filter = { queue: 'text', type: 'text', tag: 'text', metadata: 'map', text: 'text' } as const
const idempotencyKey = 'Idempotency-Key'

/** All routes that are calls. */
export const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/tasks',
    call: 'tasks.enqueue',
    body: 'json',
    headers: { idempotencyKey },
    answers: 'created',
  },
  {
    method: 'POST',
    path: '/tasks/bulk',
    call: 'tasks.enqueueMany',
    body: 'json',
    headers: { idempotencyKey },
  },
  { method: 'POST', path: '/tasks/actions', call: 'tasks.act', body: 'json' },
  {
    method: 'GET',
    path: '/tasks',
    call: 'tasks.list',
    query: { state: 'list', ...filter, limit: 'number', cursor: 'text' },
  },
  { method: 'GET', path: '/tasks/{id}', call: 'tasks.get' },
  { method: 'PATCH', path: '/tasks/{id}', call: 'tasks.edit', body: 'json' },
  { method: 'DELETE', path: '/tasks/{id}', call: 'tasks.remove' },
  { method: 'GET', path: '/tasks/{id}/result', call: 'tasks.result', query: { within: 'span' } },
  { method: 'GET', path: '/tasks/{id}/history', call: 'tasks.history' },
  { method: 'GET', path: '/tasks/{id}/explain', call: 'tasks.explain' },
  { method: 'POST', path: '/tasks/{id}/cancel', call: 'tasks.cancel', body: 'json' },
  { method: 'POST', path: '/tasks/{id}/retry', call: 'tasks.retry', body: 'json' },
  { method: 'POST', path: '/tasks/{id}/hold', call: 'tasks.hold' },
  { method: 'POST', path: '/tasks/{id}/release', call: 'tasks.release' },
  { method: 'PUT', path: '/tasks/{id}/priority', call: 'tasks.setPriority', body: 'json' },
  { method: 'GET', path: '/dead-letters', call: 'tasks.dead', query: { ...filter, limit: 'number' } },
  { method: 'GET', path: '/definitions', call: 'definitions.list' },
  { method: 'GET', path: '/stats', call: 'stats.get' },
  { method: 'GET', path: '/queues', call: 'queues.list' },
  { method: 'GET', path: '/queues/{queue}', call: 'queues.get' },
  { method: 'PATCH', path: '/queues/{queue}', call: 'queues.configure', body: 'json' },
  { method: 'POST', path: '/queues/{queue}/pause', call: 'queues.pause', body: 'json' },
  { method: 'POST', path: '/queues/{queue}/resume', call: 'queues.resume' },
  { method: 'GET', path: '/schedules', call: 'schedules.list' },
  { method: 'POST', path: '/schedules/preview', call: 'schedules.previewTimes', body: 'json' },
  { method: 'GET', path: '/schedules/{name}', call: 'schedules.get' },
  { method: 'PUT', path: '/schedules/{name}', call: 'schedules.put', body: 'json' },
  { method: 'DELETE', path: '/schedules/{name}', call: 'schedules.remove' },
  { method: 'POST', path: '/schedules/{name}/pause', call: 'schedules.pause' },
  { method: 'POST', path: '/schedules/{name}/resume', call: 'schedules.resume' },
  { method: 'POST', path: '/schedules/{name}/trigger', call: 'schedules.trigger' },
  { method: 'POST', path: '/schedules/{name}/backfill', call: 'schedules.backfill', body: 'json' },
  {
    method: 'GET',
    path: '/schedules/{name}/preview',
    call: 'schedules.preview',
    query: { count: 'number', from: 'text' },
  },
  { method: 'GET', path: '/workers', call: 'workers.list' },
  { method: 'POST', path: '/workers/{id}/drain', call: 'workers.drain' },
  { method: 'POST', path: '/workers/{id}/stop', call: 'workers.stop' },
  { method: 'POST', path: '/workers/{id}/resize', call: 'workers.resize', body: 'json' },
  { method: 'GET', path: '/limits', call: 'limits.list' },
  { method: 'PUT', path: '/limits/{name}', call: 'limits.put', body: 'json' },
  { method: 'DELETE', path: '/limits/{name}', call: 'limits.remove' },
  { method: 'GET', path: '/breakers', call: 'breakers.list' },
  { method: 'POST', path: '/breakers/{name}/trip', call: 'breakers.trip', body: 'json' },
  { method: 'POST', path: '/breakers/{name}/reset', call: 'breakers.reset' },
  { method: 'GET', path: '/partitions', call: 'partitions.list' },
  { method: 'PUT', path: '/partitions', call: 'partitions.put', body: 'json' },
  { method: 'GET', path: '/budgets', call: 'budgets.list' },
  { method: 'PUT', path: '/budgets', call: 'budgets.put', body: 'json' },
  { method: 'DELETE', path: '/budgets', call: 'budgets.remove', query: { queue: 'text', partition: 'text' } },
  { method: 'GET', path: '/locks', call: 'locks.list' },
]

/** All routes that are streams of server-sent events. */
export const STREAM_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/events',
    call: 'events.watch',
    query: { types: 'list', queue: 'text', type: 'text' },
    headers: { lastEventId: 'Last-Event-ID' },
  },
  { method: 'GET', path: '/tasks/{id}/updates', call: 'tasks.updates' },
]

/** The members of the input that stand in the path. */
export function pathMembers({ path }: Route): readonly string[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, member]) => member!)
}
