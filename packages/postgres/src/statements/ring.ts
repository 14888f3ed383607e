/** Statements about the ring of partitions that succeeded tasks go to. */

/** How many partitions there are. */
export const RING = 8

const ALL = Array.from({ length: RING }, (_, slot) => slot)

/** In: the schema. Out: the partition that is being filled, since when, and as JSON how many bytes of rows each has. */
export const READ_RING: string = `
SELECT slot, slot_at, (
  SELECT json_agg(pg_relation_size(format('%I.final_%s', $1::text, n)::regclass) ORDER BY n)::text FROM generate_series(0, ${RING - 1}) AS n
) FROM home.clock`

/** In: from, to, store time. Effect: succeeded tasks go to the next partition from now on. */
export const TURN_RING = 'UPDATE home.clock SET slot = $2, slot_at = $3 WHERE slot = $1'

/** In: a number for the schema. Out: whether this transaction is the only one that empties a partition. */
export const TAKE_RING = "SELECT pg_try_advisory_xact_lock(hashtextextended($1 || ' ring', 0))"

/**
 * A partition is read as a whole here, once, and what is joined may be large. A vacuum that is in the way gives way after
 * a second; whoever else is goes first.
 */
export const WHOLESALE: readonly string[] = [
  'SET LOCAL enable_seqscan = on',
  'SET LOCAL enable_hashjoin = on',
  'SET LOCAL lock_timeout = 1500',
]

/**
 * Out: by queue: its key, and when the thousandth last of its tasks in the partition ended, or NULL: a few that came
 * later than the others are no reason to wait.
 */
export const LATE_ENDS_OF: readonly string[] = ALL.map(
  (slot) => `
SELECT q.key, (SELECT f.finished_at FROM home.final_${slot} f WHERE f.queue = q.key ORDER BY f.finished_at DESC, f.seq DESC LIMIT 1 OFFSET 999)
FROM home.queues q`,
)

/** Out: by queue: its key, tasks, bytes, last end, last arrival, and how many tasks have ids that users made. */
export const CONTENTS_OF: readonly string[] = ALL.map(
  (slot) => `
SELECT queue, count(*), sum(bytes)::bigint, max(finished_at), max(seq), count(*) FILTER (WHERE flags & 1 > 0)
FROM home.final_${slot} GROUP BY queue ORDER BY queue`,
)

const KEPT =
  'finished_at > coalesce((SELECT x.until FROM unnest($1::integer[], $2::bigint[]) AS x(queue, until) WHERE x.queue = f.queue), -1)'

/** In: queues, and until when what ended there goes (others stay). Out: how many tasks of the partition stay. */
export const COUNT_KEPT_OF: readonly string[] = ALL.map(
  (slot) => `SELECT count(*) FROM home.final_${slot} f WHERE ${KEPT}`,
)

/**
 * In: queues, until when, the slot, the one that is being filled. Effect: what stays, and what live tasks wait or
 * waited for, is in the other partition.
 */
export const MOVE_KEPT: string = `
UPDATE home.final f SET slot = $4::smallint
WHERE slot = $3::smallint AND (${KEPT} OR id IN (SELECT parent FROM home.edges))`

/**
 * In: store time, how long the ids are remembered that clients drew and users gave, the arrival from which on clients'
 * ids are. Effect: the ids of the partition are remembered.
 */
export const BURY_ALL_OF: readonly string[] = ALL.map(
  (slot) => `
INSERT INTO home.tombstones(id, digest, state, until)
SELECT id, digest, state, until FROM home.final_${slot}
CROSS JOIN LATERAL (SELECT CASE WHEN flags & 1 > 0 THEN $1::bigint + $3::bigint ELSE enqueued_at + $2::bigint END AS until) AS u
WHERE until > $1 AND (flags & 1 > 0 OR seq > $4)
ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, state = excluded.state, until = excluded.until, mark = NULL`,
)

/** Effect: nobody writes to the partition, or locks a row of it, until the transaction ends; reading goes on. */
export const HOLD_OF: readonly string[] = ALL.map((slot) => `LOCK TABLE home.final_${slot} IN EXCLUSIVE MODE`)

/** Out: whether a live task waits, or waited, for one in the partition. */
export const PINNED_IN: readonly string[] = ALL.map(
  (slot) => `SELECT EXISTS (SELECT FROM home.final_${slot} f WHERE f.id IN (SELECT parent FROM home.edges))`,
)

/** Effect: the partition is empty, and its room is free. */
export const EMPTY_OF: readonly string[] = ALL.map((slot) => `TRUNCATE home.final_${slot}`)
