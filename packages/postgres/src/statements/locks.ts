/** Statements of locks. */

/** In: name. Out: holder, token, end of the lease. */
export const LOCK = 'SELECT holder, token, expires_at FROM home.locks WHERE name = $1'

/** Out: a token that no lock ever had. Effect: nobody else takes a lock until the end of the transaction. */
export const NEXT_TOKEN = `
INSERT INTO home.lock_tokens AS t (one) VALUES (true) ON CONFLICT (one) DO UPDATE SET last = t.last + 1 RETURNING last`

/** Effect: those whose lease has lapsed are gone. In: now. */
export const FORGET_LAPSED = 'DELETE FROM home.locks WHERE expires_at <= $1'

/** In: name, holder, token, about, now, end of the lease. Effect: it is held so, whoever had it before. */
export const TAKE_LOCK = `
INSERT INTO home.locks AS l (name, holder, token, about, acquired_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO UPDATE SET (holder, token, about, acquired_at, expires_at) =
  (excluded.holder, excluded.token, excluded.about, excluded.acquired_at, excluded.expires_at)`

/** In: what was seen of store time, name, holder, ttl. Effect: the lease is extended, if it holds. Out: now. */
export const RENEW_LOCK = `
WITH clock AS MATERIALIZED (SELECT home.store_now($1) AS now)
UPDATE home.locks SET expires_at = clock.now + $4 FROM clock
WHERE name = $2 AND holder = $3 AND expires_at > clock.now RETURNING clock.now`

/** In: what was seen of store time, name, holder. Effect: it is free, if it was held. Out: now. */
export const RELEASE_LOCK = `
WITH clock AS MATERIALIZED (SELECT home.store_now($1) AS now)
DELETE FROM home.locks USING clock WHERE name = $2 AND holder = $3 AND expires_at > clock.now RETURNING clock.now`

/** In: what was seen of store time. Out: name, token, about, times. */
export const LOCKS = `
SELECT name, token, about, acquired_at, expires_at FROM home.locks
WHERE expires_at > (SELECT home.store_now($1)) ORDER BY name LIMIT 1000`
