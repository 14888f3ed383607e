/** Statements of locks. */

/** In: now. Effect: those whose lease has lapsed are gone. */
export const FORGET_LAPSED = 'DELETE FROM locks WHERE expires_at <= ?'

/** In: name. Out: holder, token, end of the lease. */
export const LOCK = 'SELECT holder, token, expires_at FROM locks WHERE name = ?'

/** Out: a token that no lock ever had. */
export const NEXT_TOKEN = `
INSERT INTO meta(name, value) VALUES ('token', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value`

/** In: name, holder, token, about, now, end of the lease. */
export const TAKE_LOCK =
  'INSERT INTO locks(name, holder, token, about, acquired_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)'

/** In: end of the lease, name, holder, now. Effect: the lease is extended, if it holds. */
export const RENEW_LOCK = 'UPDATE locks SET expires_at = ? WHERE name = ? AND holder = ? AND expires_at > ?'

/** In: name, holder, now. Effect: it is free, if it was held. */
export const RELEASE_LOCK = 'DELETE FROM locks WHERE name = ? AND holder = ? AND expires_at > ?'

/** In: now. Out: name, token, about, times. */
export const LOCKS = `
SELECT name, token, about, acquired_at, expires_at FROM locks WHERE expires_at > ? ORDER BY name LIMIT 1000`
