/** Statements that settle successes in bulk. Everything else about settlements goes task by task. */
import { HISTORY_CHARS_MAX } from '../history.ts'

/**
 * In: seqs as JSON, epoch, nonce.
 * Out: how many of them run under that fence; the least and greatest queue and time of claim; a session, for
 * they have the same; the sum of weights; the greatest told and extra; NULL.
 */
export const PROBE: string = probe('NULL')

/** The same while limits count what runs. Out: …; last the keys of the usages that count them, as a list, each as often as it does. */
export const PROBE_COUNTED: string = probe('group_concat(counted)')

function probe(counted: string): string {
  return `
SELECT count(*), min(queue), max(queue), min(claimed_at), max(claimed_at), min(session), sum(weight), max(told), max(extra),
  ${counted}
FROM running WHERE seq IN (SELECT value FROM json_each(?)) AND epoch = ? AND nonce = ?`
}

/** In: seqs as JSON, epoch, nonce. Effect: those that run under that fence run no more. */
export const STOP_ALL = `
DELETE FROM running WHERE seq IN (SELECT value FROM json_each(?)) AND epoch = ? AND nonce = ?`

/**
 * In: epoch, now, nonce, number of the settlement, result, its size, text for the history, seqs as JSON.
 * Effect: the tasks have succeeded with one result; their payloads are gone from their rows.
 */
export const SUCCEED_ALL: string = `
UPDATE tasks SET state = 4, epoch = ?1, extra = extra & -5, size = 0, error = NULL, expires_at = NULL, finished_at = ?2, nonce = ?3, settled = ?4,
  payload = NULL, result = ?5, result_size = ?6, history = iif(history = '', ?7, substr(history || ?7, -${HISTORY_CHARS_MAX}))
WHERE seq IN (SELECT value FROM json_each(?8))`

/** The same for one task. In: …, seq. */
export const SUCCEED_ONE: string = SUCCEED_ALL.replace('IN (SELECT value FROM json_each(?8))', '= ?8')

/** In: seqs as JSON. Out: queue, how many of them are of it, and the sum of their weights. */
export const VOLUME_BY_QUEUE = `
SELECT queue, count(*), sum(weight) FROM running WHERE seq IN (SELECT value FROM json_each(?)) GROUP BY queue`

/** In: seqs as JSON. Effect: their payloads are not kept apart any more. */
export const DROP_PAYLOADS = 'DELETE FROM payloads WHERE key IN (SELECT value * 4 FROM json_each(?))'

/** In: seq. Out: progress, message, logs as JSON. */
export const READ_NOTES = 'SELECT fraction, message, logs FROM notes WHERE seq = ?'

/** In: seq, progress, message, logs as JSON. Effect: these are the task's notes. */
export const WRITE_NOTES = 'INSERT OR REPLACE INTO notes(seq, fraction, message, logs) VALUES (?, ?, ?, ?)'

/** In: number of the settlement, seq. Effect: the running task keeps it. */
export const SETTLED_RUNNING = 'UPDATE running SET settled = ? WHERE seq = ?'
