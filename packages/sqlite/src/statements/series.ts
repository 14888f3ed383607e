/** Statements about strict order. */

/** Out: 1 if any live task asks for it. */
export const ANY_SERIES = 'SELECT EXISTS(SELECT 1 FROM series)'

/** In: seq, queue, partition. Effect: the task comes last. */
export const JOIN_SERIES = `
INSERT INTO series(seq, queue, partition, place)
VALUES (?1, ?2, ?3, ifnull((SELECT max(place) FROM series WHERE queue = ?2 AND partition = ?3), 0) + 1)`

/** In: queue, partition. Out: seq of the first. */
export const FIRST_IN_SERIES =
  'SELECT seq FROM series WHERE queue = ? AND partition = ? ORDER BY place LIMIT 1'

/** In: seq. Out: queue, partition. */
export const SERIES_OF = 'SELECT queue, partition FROM series WHERE seq = ?'

/** In: seqs as JSON. Out: those of them that are in a series. */
export const IN_SERIES = `
SELECT s.seq FROM json_each(?) j CROSS JOIN series s ON s.seq = j.value`

/** In: seq. Effect: the task is in no series. */
export const LEAVE_SERIES = 'DELETE FROM series WHERE seq = ?'

/** In: seq. Out: the task as it stands in line, if it is neither blocked nor held. */
export const FOLLOWER = `
SELECT seq, queue, route, level, lane, due_by AS dueBy, run_at AS runAt FROM tasks t
WHERE seq = ? AND state = 1 AND held = 0 AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = t.seq)`
