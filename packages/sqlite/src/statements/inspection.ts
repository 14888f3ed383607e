/** Statements that only read, for those who look. */
import { LAST } from './lanes.ts'

const SUMMARY_COLUMNS = `
  t.seq, lower(hex(t.id)) AS id, iif(r.seq IS NULL, t.state, 2) AS state, t.queue, t.route, t.level, t.terms,
  t.run_at AS runAt, t.enqueued_at AS enqueuedAt, ifnull(r.epoch, t.epoch) AS epoch, t.extra,
  t.finished_at AS finishedAt, t.counters, t.unique_key AS uniqueKey,
  t.key_terms AS keyTerms, t.reason, t.error, t.held, t.blockers,
  t.labels, t.start_by AS startBy, t.deadline_at AS deadlineAt, t.cancel, t.history, t.lane, t.due_by AS dueBy,
  r.session AS owner,
  r.claimed_at AS claimedAt, r.told, n.fraction, n.message`

const TASKS = 'tasks t LEFT JOIN running r ON r.seq = t.seq LEFT JOIN notes n ON n.seq = t.seq'

/** In: id. Out: a task, whole. */
export const READ_RECORD: string = `
SELECT ${SUMMARY_COLUMNS}, t.parents, n.logs,
  CASE WHEN t.state = 4 THEN NULL
    WHEN t.extra & 4 THEN (SELECT data FROM payloads WHERE key = t.seq * 4) ELSE t.payload END AS payload,
  ifnull(t.result, (SELECT data FROM payloads WHERE key = t.seq * 4 + 1)) AS result,
  (SELECT data FROM payloads WHERE key = t.seq * 4 + 2) AS checkpoint
FROM ${TASKS} WHERE t.id = ?`

/** In: seq. Out: a task as lists show it. */
export const READ_SUMMARY: string = `SELECT ${SUMMARY_COLUMNS} FROM ${TASKS} WHERE t.seq = ?`

/** In: id. Out: state, route, reason, size of the result, error, cancel request, seq. */
export const READ_OUTCOME = `
SELECT iif(r.seq IS NULL, t.state, 2), t.route, t.reason, t.result_size, t.error, t.cancel, t.seq
FROM tasks t LEFT JOIN running r ON r.seq = t.seq WHERE t.id = ?`

/** In: seq. Out: the result. */
export const READ_RESULT = `
SELECT ifnull(result, (SELECT data FROM payloads WHERE key = tasks.seq * 4 + 1)) FROM tasks WHERE seq = ?`

/** In: session's key. Out: its id. */
export const SESSION_ID = 'SELECT id FROM sessions WHERE key = ?'

/**
 * A page by arrival, newest first.
 *
 * In: the seq to stay below, the end of the stretch, codes of states as JSON, queue or NULL, routes as JSON or
 * NULL, tag or NULL, how many, 1 if labels and errors are looked into.
 * Out: seq, route, labels, error.
 */
export const PAGE_BY_ARRIVAL = `
SELECT t.seq, t.route, iif(?8 = 1 OR ?6 IS NOT NULL, t.labels, NULL), iif(?8 = 1, t.error, NULL) FROM tasks t LEFT JOIN running r ON r.seq = t.seq
WHERE t.seq < ?1 AND t.seq >= ?2
  AND iif(r.seq IS NULL, t.state, 2) IN (SELECT value FROM json_each(?3))
  AND (?4 IS NULL OR t.queue = ?4)
  AND (?5 IS NULL OR t.route IN (SELECT value FROM json_each(?5)))
  AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(t.labels, '$[0]') WHERE value = ?6))
ORDER BY t.seq DESC LIMIT ?7`

/** In: seq. Out: the next one below it. */
export const SEQ_BELOW = 'SELECT max(seq) FROM tasks WHERE seq < ?'

/**
 * A page of one queue's final tasks in one state, newest first.
 *
 * In: queue, state, the end and seq to stay below, how many, 1 if errors are looked into, the earliest end.
 * Out: seq, route, labels, error, end.
 */
export const PAGE_BY_END = `
SELECT seq, route, labels, iif(?6 = 1, error, NULL), finished_at FROM tasks INDEXED BY tasks_final
WHERE queue = ?1 AND state = ?2 AND state >= 4 AND (finished_at, seq) < (?3, ?4) AND finished_at >= ?7
ORDER BY finished_at DESC, seq DESC LIMIT ?5`

/** Out: key, name, whether it is paused, its retention, of the queues that have tasks or settings. */
export const READ_QUEUES = `
SELECT key, name, paused, retention FROM queues q
WHERE configured = 1
  OR EXISTS (SELECT 1 FROM ready WHERE queue = q.key) OR EXISTS (SELECT 1 FROM later WHERE queue = q.key)
  OR EXISTS (SELECT 1 FROM volumes WHERE queue = q.key) OR EXISTS (SELECT 1 FROM running WHERE queue = q.key)
  OR EXISTS (SELECT 1 FROM tasks WHERE queue = q.key AND blockers > 0)
  OR EXISTS (SELECT 1 FROM tasks WHERE queue = q.key AND held = 1 AND state = 1)
ORDER BY name`

/**
 * In: now. Out: queue, name of a count, count, and the oldest due time among what is ready. Live tasks are
 * counted in the indexes that hold nothing else, final ones are added up.
 */
export const READ_COUNTS = `
SELECT queue, 'ready', count(*), min(iif(seq IN (SELECT seq FROM tasks WHERE due_by IS NOT NULL AND state < 4), NULL, ord))
  FROM ready GROUP BY queue
UNION ALL SELECT queue, 'ready', 0, min(run_at) FROM tasks t
  WHERE due_by IS NOT NULL AND state < 4 AND state = 1 AND held = 0 AND run_at <= ?1
    AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = t.seq) GROUP BY queue
UNION ALL SELECT queue, iif(run_at <= ?1, 'ready', 'scheduled'), count(*), iif(run_at <= ?1, min(run_at), NULL)
  FROM later GROUP BY queue, run_at <= ?1
UNION ALL SELECT queue, 'running', count(*), NULL FROM running GROUP BY queue
UNION ALL SELECT queue, 'blocked', count(*), NULL FROM tasks WHERE blockers > 0 GROUP BY queue
UNION ALL SELECT queue, 'held', count(*), NULL FROM tasks WHERE held = 1 AND state = 1 GROUP BY queue
UNION ALL SELECT queue, CASE state WHEN 4 THEN 'succeeded' WHEN 5 THEN 'failed' ELSE 'cancelled' END, sum(count), NULL
  FROM volumes GROUP BY queue, state`

/**
 * In: now. Out: queue, name of a count, count, oldest due time, of those who wait behind others in strict order: they
 * are in none of the indexes.
 */
export const COUNT_FOLLOWERS = `
SELECT s.queue, iif(t.run_at <= ?1, 'ready', 'scheduled') AS name, count(*), iif(t.run_at <= ?1, min(t.run_at), NULL)
FROM series s CROSS JOIN tasks t ON t.seq = s.seq
WHERE t.state = 1 AND t.held = 0
  AND EXISTS (SELECT 1 FROM series f WHERE f.queue = s.queue AND f.partition = s.partition AND f.place < s.place)
  AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = s.seq)
GROUP BY s.queue, name`

/**
 * In: queue, route, level. Out: the next of these at which anything stands in line, and since when the first there has
 * been due. The comparison names all of the index, as that of lanes.ts does.
 */
export const NEXT_READY_LEVEL: string = `
SELECT ready.queue, ready.route, ready.level, t.run_at FROM ready CROSS JOIN tasks t ON t.seq = ready.seq
WHERE (ready.queue, ready.route, ready.level, partition, ready.lane, ord, ready.seq) > (?, ?, ?, ${LAST}, ${LAST}, ${LAST}, ${LAST})
ORDER BY ready.queue, ready.route, ready.level, partition, ready.lane, ord, ready.seq LIMIT 1`

/** In: queue, route. Out: the next of these of which anything is kept for later, and when the first of that is due. */
export const NEXT_LATER_ROUTE: string = `
SELECT queue, route, run_at FROM later
WHERE (queue, route, run_at, seq) > (?, ?, ${LAST}, ${LAST})
ORDER BY queue, route, run_at, seq LIMIT 1`

/** In: from when, until when, how many. Out: id, queue, route and time of tasks that are to be started by a time between these and do not run, the earliest first. */
export const DUE_SOON = `
SELECT lower(hex(t.id)), t.queue, t.route, t.due_by FROM tasks t INDEXED BY tasks_due_by
WHERE t.due_by IS NOT NULL AND t.state < 4 AND t.due_by BETWEEN ? AND ?
  AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = t.seq)
ORDER BY t.due_by, t.seq LIMIT ?`

/** In: now. Out: sessions whose lease holds, what they were ordered, and how much they run. */
export const READ_SESSIONS = `
SELECT id, opened_at AS openedAt, since, expires_at AS expiresAt, profile, ordered_end AS orderedEnd,
  ordered_concurrency AS orderedConcurrency,
  (SELECT count(*) FROM running r WHERE r.session = s.key) AS running
FROM sessions s WHERE expires_at > ? ORDER BY key`

/** Out: published definitions as JSON. */
export const READ_DEFINITIONS = 'SELECT definition FROM definitions ORDER BY type'
