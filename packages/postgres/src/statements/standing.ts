/** Statements about where one task stands in line. */

/**
 * In: id, store time. Out: whether it is live, queue, level, place in line, seq, whether it stands there and is due, the key that
 * it holds, its key terms, its gate, since when and by whom its queue is paused, and the first of its series.
 */
export const FIND_STANDING = `
SELECT true, t.queue, t.level, t.ord, t.seq, t.place > 0 AND t.run_at <= $2::bigint, t.unique_key, t.key_terms,
  (SELECT g.name FROM home.gates g WHERE g.key = t.gate), CASE WHEN q.paused THEN coalesce(q.paused_at, 0) END, q.paused_by,
  CASE WHEN t.flags & 32 > 0 THEN (SELECT f.id::text FROM home.live f WHERE f.queue = t.queue AND f.partition = t.partition
    AND f.flags & 96 = 32 ORDER BY f.queue, f.partition, f.seq LIMIT 1) END
FROM home.live t JOIN home.queues q ON q.key = t.queue WHERE t.id = $1::uuid
UNION ALL
SELECT false, t.queue, t.level, 0, t.seq, false, t.unique_key, t.key_terms,
  NULL, CASE WHEN q.paused THEN coalesce(q.paused_at, 0) END, q.paused_by, NULL
FROM home.final t JOIN home.queues q ON q.key = t.queue WHERE t.id = $1::uuid`

const OF_ROUTE = 'FROM home.live t WHERE t.queue = $1 AND t.route = r.key'

/**
 * In: queue, level, place in line and seq of a task, how far to count, how many to look at, store time.
 * Out: how many come before it by a higher level, and by their place; the most that was looked at in lanes of one route,
 * and of what fell due since anybody looked.
 */
export const COUNT_BEFORE: string = `
SELECT coalesce(sum(h.count + d.higher), 0)::bigint, coalesce(sum(s.count + l.before + d.before), 0)::bigint,
  coalesce(max(l.looked), 0), coalesce(max(d.looked), 0)
FROM home.routes r
CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT ${OF_ROUTE} AND t.place = 1 AND t.level < $2 LIMIT $5) AS x) AS h
CROSS JOIN LATERAL (SELECT count(*) FROM (SELECT ${OF_ROUTE} AND t.place = 1 AND t.level = $2 AND t.partition = 0 AND t.lane = 0
  AND (t.ord, t.seq) < ($3::bigint, $4::bigint) LIMIT $5) AS x) AS s
CROSS JOIN LATERAL (SELECT count(*) AS looked, count(*) FILTER (WHERE (x.ord, x.seq) < ($3::bigint, $4::bigint)) AS before FROM (
  SELECT t.ord, t.seq ${OF_ROUTE} AND t.place = 1 AND t.level = $2 AND (t.partition, t.lane) > (0, 0) LIMIT $6) AS x) AS l
CROSS JOIN LATERAL (SELECT count(*) AS looked, count(*) FILTER (WHERE x.level < $2) AS higher,
  count(*) FILTER (WHERE x.level = $2 AND (x.ord, x.seq) < ($3::bigint, $4::bigint)) AS before FROM (
  SELECT t.level, t.ord, t.seq ${OF_ROUTE} AND t.place = 2 AND t.run_at <= $7::bigint LIMIT $5) AS x) AS d`
