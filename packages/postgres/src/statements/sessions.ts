/** Statements about sessions, their renewals, and what is taken over from them. */

/** In: id. Out: key, when its lease ends, number of its last renewal. */
export const FIND_SESSION = 'SELECT key, expires_at, renewal FROM home.sessions WHERE id = $1'

/**
 * In: id, store time that was seen, length of the lease, profile.
 * Out: whether it is alive, and store time. Effect: the lease begins, unless one by that id has lapsed.
 */
export const OPEN_SESSION: string = `
WITH t AS MATERIALIZED (SELECT home.store_now($2::bigint) AS now), opened AS (
  INSERT INTO home.sessions AS s (id, opened_at, since, expires_at, profile)
  SELECT $1::uuid, now, now, now + $3::bigint, $4::text FROM t
  ON CONFLICT (id) DO UPDATE SET since = excluded.since, expires_at = excluded.expires_at, profile = excluded.profile
  WHERE s.expires_at > excluded.opened_at
  RETURNING 1
)
SELECT EXISTS (SELECT FROM opened), now FROM t`

/**
 * In: id, store time that was seen, how it is to end or NULL, how many handlers or NULL.
 * Out: its key, unless the lease has lapsed. Effect: its next renewals are told.
 */
export const ORDER_SESSION: string = `
UPDATE home.sessions s
SET ordered_end = coalesce($3::text, s.ordered_end), ordered_concurrency = coalesce($4::integer, s.ordered_concurrency)
FROM (SELECT home.store_now($2::bigint) AS now) t WHERE s.id = $1 AND s.expires_at > t.now RETURNING s.key`

/** In: types, definitions as JSON. Effect: they are published. */
export const PUBLISH: string = `
INSERT INTO home.definitions(type, definition) SELECT * FROM unnest($1::text[], $2::text[]) AS d(type, definition) ORDER BY 1
ON CONFLICT (type) DO UPDATE SET definition = excluded.definition`

/** In: id, store time that was seen. Effect: the lease has lapsed. */
export const CLOSE_SESSION: string = `
UPDATE home.sessions SET expires_at = least(expires_at, home.store_now($2::bigint)) WHERE id = $1`

/**
 * In: id, store time that was seen, length of the lease, number of the renewal.
 * Out: key, store time, the number before, what was ordered (end, handlers); nothing if the lease has lapsed. Effect: the
 * lease goes on. The clock is read when nobody else holds the session any more: whoever found that it had lapsed is right.
 */
export const RENEW_SESSION: string = `
WITH known AS MATERIALIZED (
  SELECT key, renewal FROM home.sessions WHERE id = $1 FOR UPDATE
), t AS MATERIALIZED (SELECT known.key, known.renewal, home.store_now($2::bigint) AS now FROM known)
UPDATE home.sessions s SET expires_at = t.now + $3::bigint, renewal = greatest(s.renewal, $4::integer)
FROM t WHERE s.key = t.key AND s.expires_at > t.now
RETURNING s.key, t.now, t.renewal, s.ordered_end, s.ordered_concurrency`

/** In: store time. Effect: it never goes below that; or, if somebody else raises it at this moment, about that. */
export const RAISE_FLOOR: string = `
UPDATE home.clock SET floor = $1 WHERE one = (SELECT one FROM home.clock WHERE floor < $1 FOR UPDATE SKIP LOCKED)`

/** In: store time that was seen. Out: store time. Effect: from now on it is later than that. */
export const PASS_TIME: string = `
UPDATE home.clock c SET floor = greatest(c.floor, t.now + 1)
FROM (SELECT home.store_now($1::bigint) AS now) AS t RETURNING t.now`

/** Out: sessions that hold claims, and the claims: nonce, tasks, when the lease ends (nothing: the session is gone). */
export const CLAIMS_OF_ALL: string = `
SELECT c.session, c.nonce::text, c.ids::text[], s.expires_at FROM home.claims c LEFT JOIN home.sessions s ON s.key = c.session`

/**
 * In: sessions' keys, store time. Out: keys of those whose lease has lapsed by then, whoever was renewing them. Effect: none
 * of them is renewed before the transaction ends, nor by a clock that was read before.
 */
export const LOCK_LAPSED: string = `
SELECT key FROM home.sessions WHERE key = ANY ($1::integer[]) AND expires_at <= $2 ORDER BY key FOR UPDATE`

/** In: session's key. Out: its claims: nonce, tasks. */
export const CLAIMS_OF = 'SELECT nonce::text, ids::text[] FROM home.claims WHERE session = $1'

/** In: ids. Out: of those that run: id, session, epoch, nonce, deadline, cancel request, start of the attempt, terms, cause, how often it was missed. */
export const RUNNING_AMONG: string = `
SELECT id::text, session, epoch, nonce::text, deadline_at, cancel, attempt_at, terms, cause, missed
FROM home.live WHERE id = ANY ($1::uuid[]) AND state = 2 ORDER BY id`

/** In: session's keys, nonces and tasks as they were read. Effect: those records are gone, unless they have changed. */
export const DROP_CLAIMS: string = `
DELETE FROM home.claims c USING unnest($1::integer[], $2::bigint[], $3::integer[]) AS x(session, nonce, tasks)
WHERE c.session = x.session AND c.nonce = x.nonce AND cardinality(c.ids) = x.tasks`

/** In: session, nonces, how many tasks each claimed. Effect: their records are gone, but for those in which there is more. */
export const FORGET_CLAIMS: string = `
DELETE FROM home.claims c USING home.sessions s, unnest($2::bigint[], $3::integer[]) AS d(nonce, tasks)
WHERE s.id = $1 AND c.session = s.key AND c.nonce = d.nonce AND cardinality(c.ids) = d.tasks`

/** In: session's key, nonce, tasks. Effect: the claim is written down. */
export const ADD_CLAIM: string = `
INSERT INTO home.claims AS c (session, nonce, ids) VALUES ($1, $2, $3::uuid[])
ON CONFLICT (session, nonce) DO UPDATE SET ids = c.ids || excluded.ids`

/**
 * In: store time, ids, epochs, nonces. Effect: the clocks of their attempts run, but for tasks that somebody has locked:
 * a lease does not wait for a transaction of the user's.
 */
export const START_CLOCKS: string = `
UPDATE home.live t SET attempt_at = $1 WHERE t.id = ANY (ARRAY(
  SELECT l.id FROM unnest($2::uuid[], $3::integer[], $4::bigint[]) AS x(id, epoch, nonce)
  JOIN home.live l ON l.id = x.id AND l.epoch = x.epoch AND l.nonce = x.nonce AND l.state = 2 AND l.attempt_at IS NULL
  FOR UPDATE OF l SKIP LOCKED))`

/** In: ids, how often each was missed. Effect: it is written down, but for tasks that somebody has locked. */
export const SET_MISSED: string = `
WITH free AS MATERIALIZED (
  SELECT l.id, x.missed FROM unnest($1::uuid[], $2::integer[]) AS x(id, missed)
  JOIN home.live l ON l.id = x.id AND l.state = 2 FOR UPDATE OF l SKIP LOCKED
)
UPDATE home.live t SET missed = free.missed FROM free WHERE t.id = free.id`

/** In: session's key, nonce. Out: tasks that the request took over, as far as it still runs them. */
export const TAKEN_BEFORE: string = `
SELECT t.id::text FROM home.live t
WHERE t.id = ANY (ARRAY(SELECT unnest(ids) FROM home.claims WHERE session = $1 AND nonce = $2))
  AND t.state = 2 AND t.session = $1 AND t.nonce = $2 AND t.cause IS NOT NULL ORDER BY t.id`

/** In: names of queues, types, store time, how many. Out: what is ready there, but whose time is over. */
export const OVERDUE_READY: string = `
SELECT t.id::text FROM home.live t
WHERE t.expires_at <= $3 AND t.place > 0 AND t.run_at <= $3
  AND t.queue = ANY (ARRAY(SELECT key FROM home.queues WHERE name = ANY ($1::text[])))
  AND t.route = ANY (ARRAY(SELECT key FROM home.routes WHERE type = ANY ($2::text[])))
ORDER BY t.expires_at LIMIT $4`

/** In: milliseconds. Effect: store time is so much later, for tests. */
export const SHIFT_CLOCK = 'UPDATE home.clock SET offset_ms = offset_ms + $1'
