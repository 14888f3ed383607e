/** Statements of the upkeep. */

/** In: now, how many. Out: seqs of tasks that do not run and whose time is over. */
export const OVERDUE = `
SELECT seq FROM tasks t WHERE expires_at <= ?1 AND expires_at IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = t.seq) ORDER BY expires_at LIMIT ?2`

/** Out: key and retention as JSON of each queue that has final tasks. */
export const QUEUES_WITH_FINALS = `
SELECT key, retention FROM queues q WHERE EXISTS (SELECT 1 FROM volumes v WHERE v.queue = q.key) ORDER BY key`

/** In: queue, state, the latest end, how many. Out: seqs of tasks that ended by then and that no live task names as its parent, oldest first. */
export const ENDED_BY = `
SELECT seq FROM tasks t INDEXED BY tasks_final
WHERE queue = ?1 AND state = ?2 AND state >= 4 AND finished_at <= ?3
  AND NOT EXISTS (SELECT 1 FROM edges e WHERE e.parent = t.seq)
ORDER BY finished_at, seq LIMIT ?4`

/** In: queue. Out: count and bytes of its final tasks. */
export const TOTAL_VOLUME = 'SELECT ifnull(sum(count), 0), ifnull(sum(bytes), 0) FROM volumes WHERE queue = ?'

/**
 * In: queue, how many to look at, the end and seq to go on behind. Out: end, seq, bytes, and whether a live
 * task names it as its parent, of final tasks in any state, oldest first.
 */
export const OLDEST_ENDED: string = `
${[4, 5, 6]
  .map(
    (state) => `
SELECT finished_at, seq, weight + size + result_size,
  EXISTS (SELECT 1 FROM edges e WHERE e.parent = t.seq)
FROM tasks t INDEXED BY tasks_final
WHERE queue = ?1 AND state = ${state} AND state >= 4 AND (finished_at, seq) > (?3, ?4)`,
  )
  .join(' UNION ALL ')}
ORDER BY 1, 2 LIMIT ?2`

/** In: now, how many. Effect: so many tombstones whose time is over are gone. */
export const FORGET_TOMBSTONES = `
DELETE FROM tombstones WHERE id IN (SELECT id FROM tombstones WHERE until <= ? ORDER BY until LIMIT ?)`

/** In: now. Out: 1 if there is a tombstone whose time is over. */
export const ANY_OLD_TOMBSTONE = 'SELECT EXISTS(SELECT 1 FROM tombstones WHERE until <= ?)'

/** In: a time. Effect: sessions whose lease lapsed before, and that hold nothing, are forgotten. */
export const FORGET_SESSIONS = `
DELETE FROM sessions WHERE expires_at <= ? AND NOT EXISTS (SELECT 1 FROM running r WHERE r.session = sessions.key)`
