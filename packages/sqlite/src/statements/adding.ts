/** Statements of `add`. */

/** How many rows one statement inserts: beyond that it hardly gets any faster. */
export const ROWS_AT_ONCE = 25

const ROW = '(?, ?, 1, ?, ?, ?, ?, ?, ?, 0, ?, ?, 200, ?, ?)'

/**
 * Plain tasks, due now.
 *
 * In, per row: seq, id, queue, route, level, terms, now, now, extra, size, digest, payload.
 * Effect: rows, but for ids that are taken; whoever finds fewer changes than rows looks closer.
 */
export function addPlainTasks(rows: number): string {
  return `
INSERT INTO tasks(
  seq, id, state, queue, route, level, terms, run_at, enqueued_at, epoch, extra, size, weight, digest, payload
) VALUES ${Array.from({ length: rows }, () => ROW).join(', ')} ON CONFLICT(id) DO NOTHING`
}

/** In: the last seq before. Effect: the tasks behind it, which are all plain, can be claimed. */
export const ALL_READY = `
INSERT INTO ready(queue, route, level, lane, ord, seq)
SELECT queue, route, level, 0, run_at, seq FROM tasks WHERE seq > ?`

/**
 * In: seq, id, state, queue, route, level, terms, due time, now, extra, size, weight, digest, expiry,
 * payload, unique key, its terms, held, blockers, triggers, gate, parents, labels, startBy, deadline, whether a user made the id.
 * Effect: one task of any kind.
 */
export const ADD_TASK = `
INSERT INTO tasks(
  seq, id, state, queue, route, level, terms, run_at, enqueued_at, epoch, extra, size, weight, digest, expires_at,
  payload, unique_key, key_terms, held, blockers, triggers, gate, parents, labels, start_by, deadline_at, made_by_user
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** In: id. Out: seq, digest, state, 1 if it runs. */
export const KNOWN_TASK = `
SELECT t.seq, t.digest, t.state, r.seq IS NOT NULL FROM tasks t LEFT JOIN running r ON r.seq = t.seq WHERE t.id = ?`

/** In: seq, epoch, nonce. Out: a row if the task runs under that fence. */
export const RUNS_UNDER = 'SELECT 1 FROM running WHERE seq = ? AND epoch = ? AND nonce = ?'
