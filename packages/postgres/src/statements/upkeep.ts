/** Statements of duties that nobody waits for. */

/** In: store time, how many. Out: tasks that do not run, and whose time is over. */
export const OVERDUE =
  'SELECT id::text FROM home.live WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2'

/**
 * Out: queue, its retention, how many final tasks it has, their bytes. Effect: the changes of volumes are added up;
 * one that adds them up at the same time is waited for.
 */
export const ADD_UP_VOLUMES: string = `
WITH gone AS (DELETE FROM home.volumes RETURNING *), sums AS (
  INSERT INTO home.volumes(queue, state, tasks, bytes)
  SELECT queue, state, sum(tasks), sum(bytes) FROM gone GROUP BY queue, state HAVING sum(tasks) <> 0 OR sum(bytes) <> 0
)
SELECT g.queue, q.retention, sum(g.tasks)::bigint, sum(g.bytes)::bigint
FROM gone g JOIN home.queues q ON q.key = g.queue GROUP BY g.queue, q.retention ORDER BY g.queue`

const PINNED = 'EXISTS (SELECT FROM home.edges e WHERE e.parent = f.id)'

/** In: queue, state's slots, when they must have ended, how many. Out: final tasks that nobody pins, oldest first. */
export const ENDED_BY: string = `
SELECT f.id::text FROM home.final f
WHERE f.queue = $1 AND f.slot = ANY ($2::smallint[]) AND f.finished_at <= $3 AND NOT ${PINNED}
ORDER BY f.finished_at, f.seq LIMIT $4`

/**
 * In: ids, slots that they may be in, store time, how long the ids are remembered that clients drew and users gave.
 * Out: how many final tasks were removed, and their bytes. Effects: they are gone, their ids are remembered, the
 * volumes have changed.
 */
export const REMOVE_ENDED: string = `
WITH gone AS (
  DELETE FROM home.final WHERE id = ANY ($1::uuid[]) AND slot = ANY ($2::smallint[])
  RETURNING id, digest, state, flags, enqueued_at, queue, bytes
), buried AS (
  INSERT INTO home.tombstones(id, digest, state, until)
  SELECT id, digest, state, until FROM gone
  CROSS JOIN LATERAL (SELECT CASE WHEN flags & 1 > 0 THEN $3::bigint + $5::bigint ELSE enqueued_at + $4::bigint END AS until) AS u
  WHERE until > $3
  ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, state = excluded.state, until = excluded.until, mark = NULL
), counted AS (
  INSERT INTO home.volumes(queue, state, tasks, bytes) SELECT queue, state, -count(*), -sum(bytes) FROM gone GROUP BY queue, state
)
SELECT count(*), coalesce(sum(bytes), 0)::bigint FROM gone`

/** In: queue, end and arrival to start behind, how many. Out: end, arrival, id, bytes, whether a live task pins it; oldest first. */
export const OLDEST_ENDED: string = `
SELECT f.finished_at, f.seq, f.id::text, f.bytes, ${PINNED} FROM home.final f
WHERE f.queue = $1 AND (f.finished_at, f.seq) > ($2, $3) ORDER BY f.finished_at, f.seq LIMIT $4`

/** In: store time, how many. Effect: so many tombstones whose time is over are gone. */
export const FORGET_TOMBSTONES: string = `
DELETE FROM home.tombstones WHERE id = ANY (ARRAY(SELECT id FROM home.tombstones WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED))`

/** In: store time. Out: whether there is a tombstone whose time is over. */
export const ANY_OLD_TOMBSTONE = 'SELECT EXISTS (SELECT FROM home.tombstones WHERE until <= $1)'

/** In: store time. Effect: repeats whose first copy cannot be under way any more are forgotten. */
export const FORGET_REPEATED: string = 'DELETE FROM home.repeated WHERE until <= $1'

/** In: when they must have lapsed. Effect: sessions of long ago are gone. */
export const FORGET_SESSIONS: string = `
DELETE FROM home.sessions s WHERE expires_at <= $1 AND NOT EXISTS (SELECT FROM home.claims c WHERE c.session = s.key)`
