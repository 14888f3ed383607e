/** Statements about what is allowed under names and keys, and what was used of it. */

/**
 * In: lists of keys as running tasks have them (counted). Effect: they count one less for each; keys are locked in their
 * order, so that those who settle at once wait for each other in one order only.
 */
export const GIVE_BACK_FUNCTION: string = `
CREATE FUNCTION home.give_back(p_counted text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  PERFORM FROM home.limit_keys u
  WHERE u.id = ANY (ARRAY(SELECT unnest(c.ids::integer[]) FROM unnest(p_counted) AS c(ids))) ORDER BY u.id FOR UPDATE;
  UPDATE home.limit_keys u SET used = greatest(u.used - x.tasks, 0)
  FROM (SELECT i.id, count(*)::integer AS tasks FROM unnest(p_counted) AS c(ids) CROSS JOIN unnest(c.ids::integer[]) AS i(id) GROUP BY 1) AS x
  WHERE u.id = x.id;
END $$;`

/** In and effect: as the function. */
export const GIVE_BACK = 'SELECT home.give_back($1::text[])'

/** In: names. Effect: each has a row, which nobody else removes meanwhile. */
export const NAME_LIMITS: string = `
INSERT INTO home.limits(name) SELECT DISTINCT n FROM unnest($1::text[]) AS n ORDER BY n
ON CONFLICT (name) DO UPDATE SET name = excluded.name`

/** In: names, keys, until when. Effect: nothing starts under them until then, or for as long as they were shut before. */
export const SHUT_KEYS: string = `
INSERT INTO home.limit_keys AS u (name, key, shut_until)
SELECT x.name, x.key, max(x.until) FROM unnest($1::text[], $2::text[], $3::bigint[]) AS x(name, key, until) GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (name, key) DO UPDATE SET shut_until = greatest(u.shut_until, excluded.shut_until)`

/** Effect: until the end of the transaction nobody claims, and who did is seen. */
export const HOLD_CLAIMS = 'LOCK TABLE home.claims IN SHARE ROW EXCLUSIVE MODE'

/** In: name. Out: version, nonce, concurrency. Effect: it is locked. */
export const LOCK_LIMIT =
  'SELECT version, nonce::text, concurrency FROM home.limits WHERE name = $1 FOR UPDATE'

/** In: name, nonce, concurrency, rate as JSON, its unit, its burst, who set it, until when it is shut, store time. Effect: it is so. */
export const SET_LIMIT: string = `
INSERT INTO home.limits AS l (name, version, nonce, concurrency, rate, unit_ms, burst, set_by, shut_until, configured_at)
VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (name) DO UPDATE SET version = l.version + 1, nonce = excluded.nonce, concurrency = excluded.concurrency, rate = excluded.rate,
  unit_ms = excluded.unit_ms, burst = excluded.burst, set_by = excluded.set_by, shut_until = excluded.shut_until,
  configured_at = excluded.configured_at`

/** In: name, the furthest arrival time. Effect: no key of it is further ahead. */
export const CATCH_UP: string = `
WITH late AS MATERIALIZED (SELECT id FROM home.limit_keys WHERE name = $1 AND arrival_at > $2 ORDER BY id FOR UPDATE)
UPDATE home.limit_keys u SET arrival_at = $2 FROM late WHERE u.id = late.id`

/** In: name. Effect: the limit is gone. */
export const DROP_LIMIT = 'DELETE FROM home.limits WHERE name = $1'

/** In: name. Effect: nothing is known of what was used. */
export const DROP_KEYS_OF = 'DELETE FROM home.limit_keys WHERE name = $1'

/** Out: names of limits that count. */
export const COUNTING_LIMITS = 'SELECT name FROM home.limits WHERE concurrency IS NOT NULL ORDER BY name'

/** In: name. Out: id, key, how many are used. Effect: they are locked. */
export const LOCK_KEYS_OF = 'SELECT id, key, used FROM home.limit_keys WHERE name = $1 ORDER BY id FOR UPDATE'

/** In: name, keys. Effect: each has a row. */
export const ADD_KEYS: string = `
INSERT INTO home.limit_keys(name, key) SELECT $1, k FROM unnest($2::text[]) AS k ORDER BY k ON CONFLICT DO NOTHING`

/** Out: of tasks that run: id, queue's name, type, lane, what counts them. */
export const RUNNING_COUNTED: string = `
SELECT t.id::text, q.name, r.type, t.lane_text, t.counted FROM home.claims c
CROSS JOIN LATERAL unnest(c.ids) AS i(id)
JOIN home.live t ON t.id = i.id AND t.state = 2 AND t.nonce = c.nonce AND t.session = c.session
JOIN home.queues q ON q.key = t.queue JOIN home.routes r ON r.key = t.route`

/** In: ids, what counts them. Out: those that run, and that nobody has locked: they are about to end. Effect: that counts them. */
export const SET_COUNTED: string = `
WITH free AS MATERIALIZED (
  SELECT l.id, x.counted FROM unnest($1::uuid[], $2::text[]) AS x(id, counted) JOIN home.live l ON l.id = x.id AND l.state = 2
  FOR UPDATE OF l SKIP LOCKED
)
UPDATE home.live t SET counted = free.counted FROM free WHERE t.id = free.id RETURNING t.id::text`

/** In: ids of keys, how many are used. Effect: it is so. */
export const SET_USED: string = `
UPDATE home.limit_keys u SET used = x.used FROM unnest($1::integer[], $2::integer[]) AS x(id, used) WHERE u.id = x.id`

/** In: names or NULL, name to start behind, how many, store time. Out: limits that anybody set, or that hold anything. */
export const READ_LIMITS: string = `
SELECT l.name, l.version, l.concurrency, l.rate, l.set_by, l.shut_until, l.configured_at FROM home.limits l
WHERE ($1::text[] IS NULL OR l.name = ANY ($1::text[])) AND ($2::text IS NULL OR l.name > $2::text)
  AND (l.version > 0 OR EXISTS (SELECT FROM home.limit_keys u WHERE u.name = l.name AND u.shut_until > $4::bigint))
ORDER BY l.name LIMIT $3`

/** In: names, store time, how many of each, keys or NULL: any. Out: name, key, used, arrival, until when it is shut; those that are used most first. */
export const READ_KEYS: string = `
SELECT n.name, u.key, u.used, u.arrival_at, u.shut_until FROM unnest($1::text[]) AS n(name) CROSS JOIN LATERAL (
  SELECT * FROM home.limit_keys k WHERE k.name = n.name AND (k.used > 0 OR k.arrival_at > $2 OR k.shut_until > $2)
    AND ($4::text[] IS NULL OR k.key = ANY ($4::text[]))
  ORDER BY k.used DESC, k.key LIMIT $3
) AS u`

/** In: number, name, weight. Effect: the partition has it. */
export const SET_WEIGHT: string = `
INSERT INTO home.partitions(number, name, weight) VALUES ($1, $2, $3) ON CONFLICT (number) DO UPDATE SET weight = excluded.weight`

/** In: number. Effect: the partition has the default. */
export const DROP_WEIGHT = 'DELETE FROM home.partitions WHERE number = $1'

/** Out: name and weight. */
export const READ_PARTITIONS = 'SELECT name, weight FROM home.partitions ORDER BY name'

/** In: store time, how many. Effect: keys of which nothing is used, and no time is left to run, are forgotten. */
export const FORGET_KEYS: string = `
DELETE FROM home.limit_keys WHERE id = ANY (ARRAY(
  SELECT id FROM home.limit_keys WHERE used = 0 AND arrival_at <= $1 AND shut_until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED))`

/** Out: names that nobody has set. Effect: they are locked. */
export const UNSET_LIMITS = 'SELECT name FROM home.limits WHERE version = 0 FOR UPDATE SKIP LOCKED'

/** In: names. Effect: those under which nothing is known are forgotten. */
export const FORGET_LIMITS: string = `
DELETE FROM home.limits l WHERE l.name = ANY ($1::text[]) AND NOT EXISTS (SELECT FROM home.limit_keys u WHERE u.name = l.name)`
