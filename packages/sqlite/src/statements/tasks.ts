/** Statements about one task's row. They are for everything but the hot path, so they may read whole rows. */
import { HISTORY_CHARS_MAX } from '../history.ts'

const TASK_COLUMNS = `
  t.seq, lower(hex(t.id)) AS id, t.state, t.queue, t.route, t.level, t.terms, t.run_at AS runAt,
  t.enqueued_at AS enqueuedAt, t.epoch, t.extra, t.size, t.weight, t.digest, t.expires_at AS expiresAt,
  t.finished_at AS finishedAt, printf('%016x', t.nonce) AS nonce, t.settled, t.result_size AS resultSize,
  t.counters, t.unique_key AS uniqueKey, t.key_terms AS keyTerms, t.reason, t.error, t.held, t.blockers, t.triggers, t.gate, t.start_by AS startBy,
  t.deadline_at AS deadlineAt, t.cancel, t.restarted_at AS restartedAt, t.made_by_user AS madeByUser, t.mark,
  r.session AS owner, r.epoch AS runEpoch, printf('%016x', r.nonce) AS runNonce, r.claimed_at AS claimedAt,
  r.told, r.settled AS runSettled, r.cause`

/** In: seq. Out: the task, and how it runs if it does. */
export const LOAD_TASK: string = `
SELECT ${TASK_COLUMNS} FROM tasks t LEFT JOIN running r ON r.seq = t.seq WHERE t.seq = ?`

/** In: id. Out: seq. */
export const FIND_SEQ = 'SELECT seq FROM tasks WHERE id = ?'

/** Out: the last seq that was ever used. */
export const LAST_SEQ = `
SELECT max(ifnull((SELECT max(seq) FROM tasks), 0), (SELECT value FROM meta WHERE name = 'seq'))`

/** In: what may change of a task, and text for its history; last its seq. Effect: the row is so. */
export const SAVE_TASK: string = `
UPDATE tasks SET
  state = ?, level = ?, run_at = ?, epoch = ?, extra = ?, size = ?, weight = ?, result_size = ?, expires_at = ?,
  finished_at = ?, nonce = ?, settled = ?, counters = ?, reason = ?, error = ?, held = ?, blockers = ?, triggers = ?, gate = ?,
  start_by = ?, deadline_at = ?, cancel = ?, restarted_at = ?, mark = ?,
  history = substr(history || ?, -${HISTORY_CHARS_MAX})
WHERE seq = ?`

/** In: queue, route, level, ord, seq. Effect: the task can be claimed. */
export const ENTER_READY = 'INSERT INTO ready(queue, route, level, lane, ord, seq) VALUES (?, ?, ?, 0, ?, ?)'

/** In: queue, route, level, ord, seq. Effect: it cannot. */
export const LEAVE_READY =
  'DELETE FROM ready WHERE queue = ? AND route = ? AND level = ? AND lane = 0 AND ord = ? AND seq = ?'

/** In: queue, route, due time, seq. Effect: the task is kept until it is due. */
export const ENTER_LATER = 'INSERT INTO later(queue, route, run_at, seq) VALUES (?, ?, ?, ?)'

/** In: queue, route, due time, seq. Effect: it is not. */
export const LEAVE_LATER = 'DELETE FROM later WHERE queue = ? AND route = ? AND run_at = ? AND seq = ?'

/** In: seq. Effect: the task does not run. */
export const STOP_RUNNING = 'DELETE FROM running WHERE seq = ?'

/** In: seq. Effect: the task's history has its claim. */
export const CLAIM_TOLD = 'UPDATE running SET told = 1 WHERE seq = ?'

/** In: result, seq. Effect: the small result is in the row. */
export const SET_RESULT = 'UPDATE tasks SET result = ? WHERE seq = ?'

/** In: payload, seq. Effect: the small payload is in the row. */
export const SET_PAYLOAD = 'UPDATE tasks SET payload = ? WHERE seq = ?'

/** In: key, data. Effect: the data is kept apart. */
export const PUT_APART = 'INSERT OR REPLACE INTO payloads(key, data) VALUES (?, ?)'

/** In: key. Effect: it is not. */
export const DROP_APART = 'DELETE FROM payloads WHERE key = ?'

/** In: key. Out: the data. */
export const GET_APART = 'SELECT data FROM payloads WHERE key = ?'

/** In: queue, state, hour, count, bytes. Effect: so many more final tasks, or fewer. */
export const ADD_VOLUME = `
INSERT INTO volumes(queue, state, hour, count, bytes) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count, bytes = bytes + excluded.bytes`

/** In: queue, state, hour. Effect: a volume of nothing is not kept. */
export const DROP_EMPTY_VOLUME =
  'DELETE FROM volumes WHERE queue = ? AND state = ? AND hour = ? AND count = 0'

/** In: seq. Effect: the row is gone. */
export const DELETE_TASK = 'DELETE FROM tasks WHERE seq = ?'

/** In: seq. Effect: what is kept apart of it is gone. */
export const DELETE_APART = 'DELETE FROM payloads WHERE key BETWEEN ?1 * 4 AND ?1 * 4 + 3'

/** In: seq. Effect: its progress and logs are gone. */
export const DELETE_NOTES = 'DELETE FROM notes WHERE seq = ?'

/** In: seq. Effect: no seq up to it is ever used again. */
export const KEEP_SEQ_UP = "UPDATE meta SET value = max(value, ?) WHERE name = 'seq'"

/** In: id, digest, state, until, mark. Effect: the id stays known. */
export const BURY = 'INSERT OR REPLACE INTO tombstones(id, digest, state, until, mark) VALUES (?, ?, ?, ?, ?)'

/** In: id, now. Out: digest, state, mark. */
export const FIND_TOMBSTONE = 'SELECT digest, state, mark FROM tombstones WHERE id = ? AND until > ?'
