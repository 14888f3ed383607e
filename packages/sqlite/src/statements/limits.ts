/** Statements about limits, and what was used of their keys. */

const LIMIT_COLUMNS = `
  key, name, version, nonce, concurrency, rate, set_by AS setBy, shut_until AS shutUntil, configured_at AS configuredAt`

/** Out: every limit: there are few. */
export const READ_LIMITS: string = `SELECT ${LIMIT_COLUMNS} FROM limits ORDER BY name`

/** In: name. Effect: a limit that holds nothing back. */
export const ADD_LIMIT = `
INSERT INTO limits(name, version, set_by, shut_until, configured_at) VALUES (?, 0, 'user', 0, 0)`

/** In: nonce, concurrency, rate as JSON, who sets it, until when it is shut, now, key. Effect: the limit is so. */
export const SET_LIMIT = `
UPDATE limits SET version = version + 1, nonce = ?, concurrency = ?, rate = ?, set_by = ?, shut_until = ?,
  configured_at = ?
WHERE key = ?`

/** In: key. Effect: the limit is gone. */
export const DELETE_LIMIT = 'DELETE FROM limits WHERE key = ?'

/** In: limit. Effect: nothing of its keys is remembered. */
export const DELETE_USAGES = 'DELETE FROM usages WHERE limit_key = ?'

/** In: limit, name of a key. Out: key, used, arrival time, until when it is shut. */
export const FIND_USAGE = `
SELECT key, used, arrival_at, shut_until FROM usages WHERE limit_key = ? AND name = ?`

/** In: limit, name of a key, used, arrival time, until when it is shut. Effect: so much of it is used. Out: key. */
export const PUT_USAGE = `
INSERT INTO usages(limit_key, name, used, arrival_at, shut_until) VALUES (?, ?, ?, ?, ?)
ON CONFLICT(limit_key, name) DO UPDATE
SET used = excluded.used, arrival_at = excluded.arrival_at, shut_until = excluded.shut_until
RETURNING key`

/** In: the furthest arrival time, limit. Effect: no key of it is further ahead. */
export const CATCH_UP = 'UPDATE usages SET arrival_at = ?1 WHERE limit_key = ?2 AND arrival_at > ?1'

/** In: seq. Out: keys of the usages that count the running task. */
export const COUNTED_IN = 'SELECT counted FROM running WHERE seq = ?'

/** In: keys of usages or NULL, seq. Effect: they count the running task. */
export const SET_COUNTED = 'UPDATE running SET counted = ? WHERE seq = ?'

/** In: how many, key of a usage. Effect: so much less of it is used. */
export const USE_LESS = 'UPDATE usages SET used = used - ? WHERE key = ?'

/** In: limit. Effect: nothing of it is used. */
export const UNUSE_LIMIT = 'UPDATE usages SET used = 0 WHERE limit_key = ? AND used <> 0'

/** In: limit. Out: keys of what is remembered of it. */
export const USAGES_OF = 'SELECT key FROM usages WHERE limit_key = ?'

/** Out: seq, queue, route, lane and keys of usages of what runs. */
export const ALL_RUNNING = `
SELECT r.seq, t.queue, t.route, t.lane, r.counted FROM running r CROSS JOIN tasks t ON t.seq = r.seq`

/** In: limit. Out: name and use of its keys. */
export const USES_OF = 'SELECT name, used FROM usages WHERE limit_key = ?'

/** In: limit, now, how many. Out: its keys that are in use, those that are used most first. */
export const KEYS_IN_USE = `
SELECT name AS key, used, arrival_at AS arrivalAt, shut_until AS shutUntil FROM usages
WHERE limit_key = ?1 AND (used > 0 OR arrival_at > ?2 OR shut_until > ?2)
ORDER BY used DESC, name LIMIT ?3`

/** In: limit, now, names of keys as JSON. Out: those of them that are in use, as above. */
export const THESE_IN_USE = `
SELECT name AS key, used, arrival_at AS arrivalAt, shut_until AS shutUntil FROM usages
WHERE limit_key = ?1 AND name IN (SELECT value FROM json_each(?3)) AND (used > 0 OR arrival_at > ?2 OR shut_until > ?2)
ORDER BY used DESC, name`

/** In: limit, now. Out: 1 if one of its keys is shut. */
export const ANY_SHUT = `
SELECT EXISTS (SELECT 1 FROM usages WHERE limit_key = ? AND shut_until > ?)`

/** In: limit. Out: 1 if any of its keys is remembered. */
export const ANY_USAGE = 'SELECT EXISTS (SELECT 1 FROM usages WHERE limit_key = ?)'

/** In: the last key looked at, how many. Out: the last of the next keys. */
export const USAGES_UP_TO = `
SELECT max(key), count(*) FROM (SELECT key FROM usages WHERE key > ? ORDER BY key LIMIT ?)`

/** In: the last key looked at, the last to look at, now. Effect: of these, what is not used and waits for no time is forgotten. */
export const FORGET_USAGES = `
DELETE FROM usages WHERE key > ?1 AND key <= ?2 AND used = 0 AND arrival_at <= ?3 AND shut_until <= ?3`
