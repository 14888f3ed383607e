/** Statements of commands over filters, and of queue settings. */

/**
 * Tasks in the order of their arrival, a stretch of it at a time: those in certain states, and those that
 * bear a certain mark, in whatever state they are now.
 *
 * In: the last seq looked at, the end of the stretch, codes of states as JSON, mark as a pattern, queue or
 * NULL, routes as JSON or NULL, how many.
 * Out: seqs.
 */
export const MATCHING = `
SELECT t.seq FROM tasks t LEFT JOIN running r ON r.seq = t.seq
WHERE t.seq > ?1 AND t.seq <= ?2
  AND (t.mark GLOB ?4 OR (
    (?5 IS NULL OR t.queue = ?5)
    AND iif(r.seq IS NULL, t.state, 2) IN (SELECT value FROM json_each(?3))
    AND (?6 IS NULL OR t.route IN (SELECT value FROM json_each(?6)))
  ))
ORDER BY t.seq LIMIT ?7`

/** In: seq. Out: the next one there is. */
export const NEXT_SEQ = 'SELECT min(seq) FROM tasks WHERE seq > ?'

/** In: seq. Out: labels, history, and when it was claimed if it runs. */
export const MATCH_DETAILS = `
SELECT t.labels, t.history, r.claimed_at FROM tasks t LEFT JOIN running r ON r.seq = t.seq WHERE t.seq = ?`

/** In: now, seq. Effect: the running task is asked to stop. */
export const REQUEST_CANCEL = 'UPDATE running SET cancel_at = ? WHERE seq = ?'

/** In: now, by whom or NULL, key. Effect: the queue is paused, unless it was: then it keeps what it has. */
export const PAUSE = `
UPDATE queues SET paused = 1, paused_at = ?, paused_by = ?, configured = 1 WHERE key = ? AND paused = 0`

/** In: key. Effect: the queue is not paused. */
export const RESUME =
  'UPDATE queues SET paused = 0, paused_at = NULL, paused_by = NULL, configured = 1 WHERE key = ?'

/** In: retention as JSON or NULL, key. */
export const SET_RETENTION = 'UPDATE queues SET retention = ?, configured = 1 WHERE key = ?'

/** In: key. Effect: the queue is shown without any task too. */
export const CONFIGURED = 'UPDATE queues SET configured = 1 WHERE key = ?'
