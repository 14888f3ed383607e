/** Statements that claim. The number of routes is part of their text, because that is what keeps them merges of index ranges. */

/** How many routes one statement merges; beyond that it gets slower than asking for each. */
export const MERGED_MAX = 16

/** The numbers of routes for which there are statements; a demand is filled up with routes that do not exist. */
export const MERGE_SIZES: readonly number[] = [1, 2, 4, 8, MERGED_MAX]

/**
 * One range of an index per route, merged in the order of due time and arrival. The limit is cast, because SQLite
 * plans a statement anew whenever another value is bound to a bare one.
 *
 * `?1` is the queue, `?2` the level, `?3` the limit.
 */
function mergedReady(routes: number): string {
  const ranges = Array.from(
    { length: routes },
    (_, index) =>
      `SELECT ord, seq, route FROM ready WHERE queue = ?1 AND route = ?${index + 4} AND level = ?2 AND partition = 0 AND lane = 0`,
  )
  return `${ranges.join(' UNION ALL ')} ORDER BY ord, seq LIMIT CAST(?3 AS INTEGER)`
}

/** What is put together about tasks, given what says where a task stands in line and what its route is. */
function batch(ord: string, route: string, partitions: string): string {
  return `
SELECT count(*), sum(t.size), max(t.extra), min(t.expires_at),
  min(${ord} - t.enqueued_at), max(${ord} - t.enqueued_at), min(t.terms), max(t.terms), min(${route}), max(${route}),
  group_concat(t.seq), CAST(group_concat(t.id, '') AS BLOB), group_concat(${ord}),
  group_concat(ifnull(t.payload, ''), char(30)), ${partitions}`
}

/**
 * What a claim is to take of tasks without a lane, put together by SQL: it would cost more to hand over a row per task.
 *
 * In: queue, level, how many at most, routes.
 * Out: count, sum of sizes, greatest extra, least expiry; the least and greatest delay, terms and route; then
 * what differs from task to task: lists of seqs, ids, places in line, payloads; NULL.
 */
export function readClaims(routes: number): string {
  return `${batch('r.ord', 'r.route', 'NULL')} FROM (${mergedReady(routes)}) r CROSS JOIN tasks t ON t.seq = r.seq`
}

/** The same for tasks that were picked out. In: seqs as JSON. Out: …; last the name of the partition of each as JSON, or NULL if none is in a lane. */
export const READ_PICKED: string = `
${batch('ifnull(t.due_by, t.run_at)', 't.route', 'iif(max(t.lane) = 0, NULL, json_group_array(p.name))')}
FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value
LEFT JOIN lanes l ON l.key = t.lane LEFT JOIN partitions p ON p.key = l.partition`

/** In: seqs as JSON. Out: lists of delays, terms and routes, where they differ. */
export const READ_LISTS = `
SELECT group_concat(ifnull(t.due_by, t.run_at) - t.enqueued_at), group_concat(t.terms), group_concat(t.route)
FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value`

/** In: queue, level, how many at most, routes. Out: place in line and seq of each. */
export function readHeads(routes: number): string {
  return `SELECT ord, seq FROM (${mergedReady(routes)})`
}

/** In: queue, nothing, nothing, routes. Out: for each level 1 if any of the routes has a task to give there. */
export function levelsReady(routes: number): string {
  const list = Array.from({ length: routes }, (_, index) => `?${index + 4}`).join(', ')
  const levels = [0, 1, 2, 3, 4].map(
    (level) => `EXISTS (SELECT 1 FROM ready WHERE queue = ?1 AND route IN (${list}) AND level = ${level})`,
  )
  return `SELECT ${levels.join(', ')}`
}

/** In: queue, level, routes as JSON. Out: those of them that have a task to give. */
export const ROUTES_READY = `
SELECT j.value FROM json_each(?3) j
WHERE EXISTS (SELECT 1 FROM ready r WHERE r.queue = ?1 AND r.route = j.value AND r.level = ?2)`

/**
 * In: queue, route, level, due time and seq of the last task taken. Effect: what was taken is not ready any
 * more. One route at a time: with several SQLite would first collect what it deletes.
 */
export const LEAVE_READY_UP_TO = `
DELETE FROM ready WHERE queue = ? AND route = ? AND level = ? AND partition = 0 AND lane = 0 AND (ord, seq) <= (?, ?)`

/**
 * In: queue, session, nonce, now, seqs as JSON. Effect: these tasks, which were never claimed before and
 * have no extras, run.
 */
export const RUN_FRESH = `
INSERT INTO running(seq, queue, session, epoch, nonce, claimed_at, extra, weight)
SELECT value, ?1, ?2, 1, ?3, ?4, 0, 200 FROM json_each(?5)`

/** The same for tasks that are counted. In: queue, session, nonce, now, seqs by the keys of the usages that count them, as JSON. */
export const RUN_FRESH_COUNTED = `
INSERT INTO running(seq, queue, session, epoch, nonce, claimed_at, extra, weight, counted)
SELECT j.value, ?1, ?2, 1, ?3, ?4, 0, 200, nullif(c.key, '') FROM json_each(?5) c CROSS JOIN json_each(c.value) j`

/** In: queue, session, nonce, now, seqs as JSON. Effect: these tasks run. */
export const RUN_ANY = `
INSERT INTO running(seq, queue, session, epoch, nonce, claimed_at, extra, weight, deadline_at)
SELECT t.seq, ?1, ?2, t.epoch + 1, ?3, ?4, t.extra, t.weight, t.deadline_at
FROM json_each(?5) j CROSS JOIN tasks t ON t.seq = j.value`

/** The same for tasks that are counted. In: queue, session, nonce, now, seqs by the keys of the usages that count them, as JSON. */
export const RUN_COUNTED = `
INSERT INTO running(seq, queue, session, epoch, nonce, claimed_at, extra, weight, deadline_at, counted)
SELECT t.seq, ?1, ?2, t.epoch + 1, ?3, ?4, t.extra, t.weight, t.deadline_at, nullif(c.key, '')
FROM json_each(?5) c CROSS JOIN json_each(c.value) j CROSS JOIN tasks t ON t.seq = j.value`

/** In: seqs as JSON. Out: of those out of the ordinary: position, epoch, counters, due time, deadline, parents, labels, payload and checkpoint kept apart. */
export const READ_EXTRAS = `
SELECT j.key AS at, t.epoch + 1 AS epoch, t.counters, t.run_at AS runAt, t.deadline_at AS deadlineAt, t.parents, t.labels,
  (SELECT data FROM payloads WHERE key = t.seq * 4) AS payload,
  (SELECT data FROM payloads WHERE key = t.seq * 4 + 2) AS checkpoint
FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value WHERE t.extra <> 0`

/** In: seqs as JSON. Out: their sizes, in order. */
export const READ_SIZES = `
SELECT t.size FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value ORDER BY j.key`

/** In: seqs as JSON, now. Out: those whose time is over. */
export const EXPIRED_OF = `
SELECT t.seq FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value WHERE t.expires_at <= ?`

/** In: queue, routes as JSON. Out: the earliest due time among what is not yet known to be due. */
export const NEXT_LATER = `
SELECT min((SELECT l.run_at FROM later l WHERE l.queue = ?1 AND l.route = j.value ORDER BY l.run_at LIMIT 1))
FROM json_each(?2) j`

/** One range of an index per route, merged; `?1` is the queue, `?2` now, `?3` the offset. */
function mergedLater(routes: number): string {
  const ranges = Array.from(
    { length: routes },
    (_, index) => `SELECT run_at, seq FROM later WHERE queue = ?1 AND route = ?${index + 4} AND run_at <= ?2`,
  )
  return `${ranges.join(' UNION ALL ')} ORDER BY run_at, seq LIMIT 1 OFFSET CAST(?3 AS INTEGER)`
}

/** In: queue, now, how many to step over, routes. Out: due time and seq of the due task behind them. */
export function laterAt(routes: number): string {
  return mergedLater(routes)
}

/** In: queue, routes as JSON, due time and seq. Effect: what fell due up to there is ready … */
export const MOVE_ALONG = `
INSERT INTO ready(queue, route, level, partition, lane, ord, seq)
SELECT l.queue, l.route, t.level, iif(t.lane = 0, 0, (SELECT partition FROM lanes WHERE key = t.lane)), t.lane,
  ifnull(t.due_by, l.run_at), l.seq
FROM json_each(?2) j CROSS JOIN later l ON l.queue = ?1 AND l.route = j.value AND (l.run_at, l.seq) <= (?3, ?4)
CROSS JOIN tasks t ON t.seq = l.seq`

/** In: the same. Effect: … and not kept for later any more. */
export const MOVED_ALONG = `
DELETE FROM later
WHERE queue = ?1 AND route IN (SELECT value FROM json_each(?2)) AND (run_at, seq) <= (?3, ?4)`

/** In: session, nonce. Out: queue, level, seqs as a list, claimed at, of what runs under them and was not taken over. */
export const CLAIMED_BEFORE = `
SELECT r.queue, t.level, t.seq, r.claimed_at FROM running r CROSS JOIN tasks t ON t.seq = r.seq
WHERE r.nonce = ?2 AND r.session = ?1 AND r.cause IS NULL ORDER BY r.queue, t.level, t.run_at, t.seq`
