/** Statements about sessions, their renewals, and what is taken over from them. */

/** In: id. Out: key, when its lease ends, number of its last renewal. */
export const FIND_SESSION = 'SELECT key, expires_at, renewal FROM sessions WHERE id = ?'

/** In: id, now, end of the lease, profile. Effect: the session is there. */
export const OPEN_SESSION =
  'INSERT INTO sessions(id, opened_at, since, expires_at, profile) VALUES (?1, ?2, ?2, ?3, ?4)'

/** In: now, end of the lease, profile, key. Effect: the lease begins anew. */
export const REOPEN_SESSION = 'UPDATE sessions SET since = ?, expires_at = ?, profile = ? WHERE key = ?'

/** In: how it is to end or NULL, how many handlers or NULL, key. Effect: its next renewals are told. */
export const ORDER_SESSION = `
UPDATE sessions SET ordered_end = ifnull(?, ordered_end), ordered_concurrency = ifnull(?, ordered_concurrency)
WHERE key = ?`

/** In: key. Out: how it is to end, with how many handlers at the same time. */
export const READ_ORDER = 'SELECT ordered_end, ordered_concurrency FROM sessions WHERE key = ?'

/** In: type, definition as JSON. Effect: it is published. */
export const PUBLISH = 'INSERT OR REPLACE INTO definitions(type, definition) VALUES (?, ?)'

/** In: now, id. Effect: the lease has lapsed. */
export const CLOSE_SESSION = 'UPDATE sessions SET expires_at = min(expires_at, ?), closed = 1 WHERE id = ?'

/** In: end of the lease, number of the renewal, key. Effect: the lease goes on. */
export const RENEW_SESSION = 'UPDATE sessions SET expires_at = ?, renewal = max(renewal, ?) WHERE key = ?'

/** In: end of the lease, key. Effect: the lease goes on, and nothing is counted. */
export const EXTEND_SESSION = 'UPDATE sessions SET expires_at = ? WHERE key = ?'

/** In: now. Effect: store time never goes below it. */
export const RAISE_FLOOR = "UPDATE meta SET value = ? WHERE name = 'floor' AND value < ?1"

/** Out: the floor of store time. */
export const READ_FLOOR = "SELECT value FROM meta WHERE name = 'floor'"

/** Out: the floor of store time; and a number that has grown if anything was written that processes remember. */
export const READ_STANDING = `
SELECT (SELECT value FROM meta WHERE name = 'floor'), (SELECT value FROM meta WHERE name = 'settings')`

/** In: session. Out: what it runs. */
export const RUNNING_OF = `
SELECT seq, epoch, printf('%016x', nonce) AS nonce, missed, timeout_at AS timeoutAt, cancel_at AS cancelAt, cause
FROM running WHERE session = ?`

/** In: session. Out: what it runs and is asked to stop. */
export const CANCELLED_OF = `
SELECT r.seq, lower(hex(t.id)) AS id, r.epoch, printf('%016x', r.nonce) AS nonce
FROM running r CROSS JOIN tasks t ON t.seq = r.seq WHERE r.session = ? AND r.cancel_at IS NOT NULL ORDER BY r.seq`

/** In: seq, epoch, nonce. Out: when it is to time out and when it was asked to stop, if it runs under that fence. */
export const RUNNING_UNDER = `
SELECT seq, missed, timeout_at AS timeoutAt, cancel_at AS cancelAt FROM running WHERE seq = ? AND epoch = ? AND nonce = ?`

/** In: end of the attempt, seq. Effect: the clock of its time limit runs. */
export const START_CLOCK = 'UPDATE running SET timeout_at = ? WHERE seq = ? AND timeout_at IS NULL'

/** In: how many renewals missed it, seq. */
export const SET_MISSED = 'UPDATE running SET missed = ? WHERE seq = ?'

/** In: seq. Out: why it was asked to stop, and when, as JSON. */
export const CANCEL_OF = 'SELECT cancel FROM tasks WHERE seq = ?'

/** In: seq. Out: key of its terms. */
export const TERMS_OF = 'SELECT terms FROM tasks WHERE seq = ?'

/**
 * In: now, grace, how many. Out: seq and cause of what may be taken over now; the causes are tried in their
 * order. What was taken over before keeps its cause, until its new owner is lost or forgets it too.
 */
export const ABANDONED = `
SELECT seq, cause FROM (
  SELECT r.seq, CASE
    WHEN r.cause IS NOT NULL THEN iif(lapsed OR r.missed >= 2, r.cause, NULL)
    WHEN r.deadline_at + ?2 <= ?1 THEN 0
    WHEN r.cancel_at + ?2 <= ?1 THEN 1
    WHEN lapsed THEN 2
    WHEN r.timeout_at + ?2 <= ?1 THEN 3
  END AS cause
  FROM (
    SELECT r.*, s.key IS NULL OR s.expires_at <= ?1 AS lapsed FROM running r LEFT JOIN sessions s ON s.key = r.session
  ) r
) WHERE cause IS NOT NULL ORDER BY seq LIMIT ?3`

/** In: session, nonce, now, cause, seq. Effect: the task is that session's, under a new epoch. */
export const TAKE_OVER = `
UPDATE running SET session = ?1, epoch = epoch + 1, nonce = ?2, settled = 0, missed = 0, timeout_at = NULL,
  cause = ?3, taken_from = session
WHERE seq = ?4`

/** In: session, nonce. Out: what that request took over, as far as it still runs. */
export const TAKEN_BEFORE = `
SELECT seq FROM running WHERE session = ? AND nonce = ? AND cause IS NOT NULL ORDER BY seq`

/** In: seq. Out: what is needed to judge a task that was taken over. */
export const READ_TAKEN = `
SELECT lower(hex(t.id)) AS id, r.epoch, t.route, t.terms, t.counters, r.cause, s.id AS takenFrom
FROM running r CROSS JOIN tasks t ON t.seq = r.seq LEFT JOIN sessions s ON s.key = r.taken_from WHERE r.seq = ?`
