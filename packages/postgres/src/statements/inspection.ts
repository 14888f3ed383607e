/** Statements that only read, for those who look. */

/** One by one, so that a plan for any slots skips the partitions that are not meant. */
export function inSlots(parameter: string): string {
  const slots = Array.from({ length: 10 }, (_, index) => `(${parameter}::smallint[])[${index + 1}]`)
  return `slot IN (${slots.join(', ')})`
}

/** Held or not. */
const SHOWN_KEY = "coalesce(substr(t.key_terms, position(' ' IN t.key_terms) + 1), t.unique_key)"

const COMMON = `t.id::text, t.state, t.queue, t.route, t.level, t.terms, t.run_at, t.enqueued_at, t.epoch, t.claimed_at,
  t.session, t.counters, ${SHOWN_KEY}, t.error, t.flags, t.labels, t.start_by, t.deadline_at, t.cancel, t.history, t.progress, t.seq, t.due_by, t.lane_text`

const SUMMARY_LIVE = `${COMMON}, NULL::bigint AS finished_at, NULL::smallint AS reason, t.blockers`
const SUMMARY_FINAL = `${COMMON}, t.finished_at, t.reason, 0`

const WHOLE = 't.parents, t.logs, t.payload, t.payload_raw, t.checkpoint, t.checkpoint_raw'

/** In: ids. Out: tasks, whole, in any order. */
export const READ_RECORDS: string = `
SELECT ${SUMMARY_LIVE}, ${WHOLE}, NULL, NULL::bytea FROM home.live t WHERE t.id = ANY ($1::uuid[])
UNION ALL SELECT ${SUMMARY_FINAL}, ${WHOLE}, t.result, t.result_raw FROM home.final t WHERE t.id = ANY ($1::uuid[])`

/** In: ids, store time that was seen. Out: id, state, route, reason, bytes of the result, error, cancel request; a tombstone only its state. */
export const READ_OUTCOMES: string = `
SELECT id::text, state, route, NULL::smallint, 0, error, cancel, 0 AS rank FROM home.live WHERE id = ANY ($1::uuid[])
UNION ALL SELECT id::text, state, route, reason, coalesce(octet_length(result), octet_length(result_raw), 0), error, cancel, 0
  FROM home.final WHERE id = ANY ($1::uuid[])
UNION ALL SELECT id::text, state, NULL, NULL, 0, NULL, NULL, 1 FROM home.tombstones WHERE id = ANY ($1::uuid[]) AND until > home.store_now($2::bigint)
ORDER BY rank`

/** In: ids. Out: id and result. */
export const READ_RESULTS = 'SELECT id::text, result, result_raw FROM home.final WHERE id = ANY ($1::uuid[])'

/** In: store time that was seen. Out: store time. */
export const READ_NOW = 'SELECT home.store_now($1::bigint)'

const FILTERS = `t.state = ANY ($2::integer[]) AND ($3::integer IS NULL OR t.queue = $3)
  AND ($4::text IS NULL OR t.route = ANY (ARRAY(SELECT key FROM home.routes WHERE type = $4)))
  AND ($5::text IS NULL OR position($5 IN t.labels) > 0)`

/** In: id to stay below, slots, how many. Out: the id down to which so many of each table are looked at, or NULL. */
export const EDGE_BELOW: string = `
SELECT greatest(
  (SELECT id FROM home.live WHERE id < $1 ORDER BY id DESC OFFSET $3 LIMIT 1),
  (SELECT id FROM home.final WHERE id < $1 AND ${inSlots('$2')} ORDER BY id DESC OFFSET $3 LIMIT 1))::text`

/**
 * In: id to stay below, states, queue or NULL, type or NULL, tag in quotes or NULL, how many, slots, id to go down to.
 * Out: tasks, from the highest id down.
 */
export const PAGE_BY_ID: string = `
SELECT * FROM (
  (SELECT ${SUMMARY_LIVE} FROM home.live t WHERE t.id < $1 AND t.id >= $8 AND ${FILTERS} ORDER BY t.id DESC LIMIT $6)
  UNION ALL
  (SELECT ${SUMMARY_FINAL} FROM home.final t WHERE t.id < $1 AND t.id >= $8 AND ${inSlots('$7')} AND ${FILTERS} ORDER BY t.id DESC LIMIT $6)
) AS page ORDER BY id::uuid DESC LIMIT $6`

/**
 * In: end and arrival to stay below, slots, queue or NULL, type or NULL, tag in quotes or NULL, how many, the earliest end.
 * Out: final tasks, newest first: the heads of the queues' own orders, merged.
 */
export const PAGE_BY_END: string = `
SELECT page.* FROM home.queues q CROSS JOIN LATERAL (
  SELECT ${SUMMARY_FINAL} FROM home.final t
  WHERE t.queue = q.key AND t.slot = ANY ($3::smallint[]) AND (t.finished_at, t.seq) < ($1, $2) AND t.finished_at >= $8
    AND ($5::text IS NULL OR t.route = ANY (ARRAY(SELECT key FROM home.routes WHERE type = $5)))
    AND ($6::text IS NULL OR position($6 IN t.labels) > 0)
  ORDER BY t.finished_at DESC, t.seq DESC LIMIT $7
) AS page
WHERE $4::integer IS NULL OR q.key = $4 ORDER BY page.finished_at DESC, page.seq DESC LIMIT $7`

/** Out: key, name, whether configured, whether paused, retention. */
export const READ_QUEUES = 'SELECT key, name, configured, paused, retention FROM home.queues ORDER BY name'

/** The queues and routes of which there is anything in a place, by hops from one to the next. */
function hopsIn(place: number): string {
  const next = (condition: string): string =>
    `SELECT t.queue, t.route FROM home.live t WHERE t.place = ${place} AND ${condition} ORDER BY t.queue, t.route LIMIT 1`
  return `(${next('true')}) UNION ALL SELECT n.* FROM hop CROSS JOIN LATERAL (${next('(t.queue, t.route) > (hop.queue, hop.route)')}) AS n`
}

/**
 * In: store time. Out: queue, route, and since when the first has been due of what stands in line there: the head of
 * each level's first lane, and the first that fell due since anybody looked.
 */
export const READ_WAITING: string = `
SELECT x.queue, x.route, min(x.run_at) FROM (
  SELECT h.queue, h.route, t.run_at FROM (WITH RECURSIVE hop AS (${hopsIn(1)}) SELECT * FROM hop) AS h
  CROSS JOIN generate_series(0, 4) AS l(level) CROSS JOIN LATERAL (
    SELECT t.run_at FROM home.live t WHERE t.place = 1 AND t.queue = h.queue AND t.route = h.route AND t.level = l.level
    ORDER BY t.partition, t.lane, t.ord, t.seq LIMIT 1
  ) AS t
  UNION ALL
  SELECT h.queue, h.route, t.run_at FROM (WITH RECURSIVE hop AS (${hopsIn(2)}) SELECT * FROM hop) AS h
  CROSS JOIN LATERAL (
    SELECT t.run_at FROM home.live t WHERE t.place = 2 AND t.queue = h.queue AND t.route = h.route AND t.run_at <= $1 ORDER BY t.run_at LIMIT 1
  ) AS t
) AS x GROUP BY 1, 2`

/** In: from when to when, how many. Out: id, queue, route and `dueBy` of tasks that wait, the earliest first. */
export const READ_DUE_SOON: string = `
SELECT id::text, queue, route, due_by FROM home.live WHERE due_by BETWEEN $1 AND $2 AND state <> 2
ORDER BY due_by LIMIT $3`

/** In: store time. Out: queue, state, whether held, whether due, how many, the oldest due time. */
export const READ_COUNTS: string = `
SELECT queue, state, flags & 2 > 0, run_at <= $1, count(*), min(run_at) FROM home.live GROUP BY 1, 2, 3, 4
UNION ALL SELECT queue, state, false, false, sum(tasks)::bigint, NULL FROM home.volumes GROUP BY 1, 2`

/** In: store time. Out: key, id, begin, last opening, end, profile, order (end, handlers) of sessions whose lease holds. */
export const READ_SESSIONS: string = `
SELECT key, id::text, opened_at, since, expires_at, profile, ordered_end, ordered_concurrency FROM home.sessions WHERE expires_at > $1 ORDER BY key`

/** In: sessions' keys. Out: session and how much it runs. */
export const READ_RUNNING: string = `
SELECT t.session, count(*) FROM home.claims c JOIN home.live t ON t.id = ANY (c.ids)
WHERE c.session = ANY ($1::integer[]) AND t.state = 2 AND t.session = c.session AND t.nonce = c.nonce GROUP BY 1`

/** Out: published definitions as JSON. */
export const READ_DEFINITIONS = 'SELECT definition FROM home.definitions ORDER BY type'
