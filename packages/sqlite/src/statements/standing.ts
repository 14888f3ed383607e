/** Statements about where one task stands in line. */
import { LAST } from './lanes.ts'

/**
 * In: id. Out: seq, queue, level, partition and lane as the line has them, where it stands there, its key terms, the key it
 * holds, its gate, by whom and since when its queue is paused, and whether it stands among what is ready (1), among
 * what is later and due since when (2), or neither (0).
 */
export const FIND_STANDING = `
SELECT t.seq, t.queue, t.level, ifnull(t.due_by, t.run_at) AS ord, iif(r.seq IS NULL, t.state, 2) AS state, t.key_terms AS keyTerms,
  t.unique_key AS uniqueKey, (SELECT name FROM gates WHERE key = t.gate) AS gate,
  iif(q.paused, ifnull(q.paused_at, 0), NULL) AS pausedAt, q.paused_by AS pausedBy,
  EXISTS (SELECT 1 FROM ready y WHERE y.queue = t.queue AND y.route = t.route AND y.level = t.level
    AND y.partition = ifnull((SELECT partition FROM lanes WHERE key = t.lane), 0) AND y.lane = t.lane
    AND y.ord = ifnull(t.due_by, t.run_at) AND y.seq = t.seq)
  OR EXISTS (SELECT 1 FROM later l WHERE l.queue = t.queue AND l.route = t.route AND l.run_at = t.run_at AND l.seq = t.seq AND l.run_at <= ?2)
    AS inLine
FROM tasks t LEFT JOIN running r ON r.seq = t.seq CROSS JOIN queues q ON q.key = t.queue WHERE t.id = ?1`

/** In: seq. Out: id of the first of its series. */
export const FIRST_OF_SERIES = `
SELECT (SELECT lower(hex(t.id)) FROM series f CROSS JOIN tasks t ON t.seq = f.seq
  WHERE f.queue = s.queue AND f.partition = s.partition ORDER BY f.place LIMIT 1)
FROM series s WHERE s.seq = ?`

/** In: queue, route. Out: the next route of which anything stands in line there, or is kept for later. */
export const NEXT_ROUTE = `
SELECT min(route) FROM (
  SELECT * FROM (SELECT route FROM ready WHERE queue = ?1 AND route > ?2 ORDER BY queue, route LIMIT 1)
  UNION ALL SELECT * FROM (SELECT route FROM later WHERE queue = ?1 AND route > ?2 ORDER BY queue, route LIMIT 1))`

/**
 * In: queue, route, level, place in line and seq of a task, how far to count, how many to look at, now.
 * Out: how many of the route come before it by a higher level; by their place outside of lanes; in lanes, and how many
 * were looked at there; and of what fell due since anybody looked, by level and by place, and how many were looked at.
 */
export const COUNT_BEFORE: string = `
SELECT
  (SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = ?1 AND route = ?2 AND level < ?3 LIMIT ?6)) AS higher,
  (SELECT count(*) FROM (SELECT 1 FROM ready WHERE queue = ?1 AND route = ?2 AND level = ?3 AND partition = 0 AND lane = 0
    AND (ord, seq) < (?4, ?5) LIMIT ?6)) AS same,
  l.before AS inLanes, l.looked AS lanesLooked, d.higher AS dueHigher, d.before AS dueSame, d.looked AS dueLooked
FROM (SELECT ifnull(sum((ord, seq) < (?4, ?5)), 0) AS before, count(*) AS looked FROM (
    SELECT ord, seq FROM ready WHERE queue = ?1 AND route = ?2 AND level = ?3
      AND (partition, lane, ord, seq) > (0, 0, ${LAST}, ${LAST}) LIMIT ?7)) AS l
CROSS JOIN (SELECT ifnull(sum(level < ?3), 0) AS higher,
    ifnull(sum(level = ?3 AND (ord, seq) < (?4, ?5)), 0) AS before, count(*) AS looked FROM (
    SELECT t.level, ifnull(t.due_by, t.run_at) AS ord, t.seq FROM later x CROSS JOIN tasks t ON t.seq = x.seq
    WHERE x.queue = ?1 AND x.route = ?2 AND x.run_at <= ?8 LIMIT ?6)) AS d`
