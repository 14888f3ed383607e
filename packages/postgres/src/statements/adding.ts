/** Statements that enqueue. */

/**
 * Ordinary tasks that are due at once.
 *
 * In: store time that was seen, and for each task id, queue, route, terms, level, size, digest, payload.
 * Out: store time, and whether an id came before, as a repeat: then nothing was done.
 * Effect: all of them are ready; a unique violation, and nothing, if an id is taken.
 */
export const ADD_READY: string = `
WITH t AS MATERIALIZED (
  SELECT home.store_now($1::bigint) AS now, EXISTS (SELECT FROM home.repeated) AND EXISTS (
    SELECT FROM home.repeated WHERE id = ANY ($2::uuid[])) AS repeated
), added AS (
  INSERT INTO home.live(id, run_at, enqueued_at, queue, route, terms, level, size, digest, payload, state, flags, place, epoch, settled, ord)
  SELECT x.id, t.now, t.now, x.queue, x.route, x.terms, x.level, x.size, x.digest, x.payload, 1, 0, 1, 0, 0, t.now
  FROM t, unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[], $9::text[])
    AS x(id, queue, route, terms, level, size, digest, payload)
  WHERE NOT t.repeated
)
SELECT now, repeated FROM t`

/**
 * The same for those that have a lane, or stand elsewhere in line.
 *
 * In: besides, numbers of partitions and lanes, the lanes as text or NULL, and after how long they count as due, or -1.
 */
export const ADD_READY_IN_LANES: string = `
WITH t AS MATERIALIZED (
  SELECT home.store_now($1::bigint) AS now, EXISTS (SELECT FROM home.repeated) AND EXISTS (
    SELECT FROM home.repeated WHERE id = ANY ($2::uuid[])) AS repeated
), added AS (
  INSERT INTO home.live(id, run_at, enqueued_at, queue, route, terms, level, size, digest, payload, state, flags, place, epoch, settled,
    partition, lane, lane_text, due_by, ord)
  SELECT x.id, t.now, t.now, x.queue, x.route, x.terms, x.level, x.size, x.digest, x.payload, 1, 0, 1, 0, 0,
    x.partition, x.lane, x.lane_text, CASE WHEN x.due >= 0 THEN t.now + x.due END, t.now + greatest(x.due, 0)
  FROM t, unnest($2::uuid[], $3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::integer[], $8::text[], $9::text[],
    $10::bigint[], $11::bigint[], $12::text[], $13::bigint[])
    AS x(id, queue, route, terms, level, size, digest, payload, partition, lane, lane_text, due)
  WHERE NOT t.repeated
)
SELECT now, repeated FROM t`

/** In: keys of queues. Effect: their claims look for lanes. */
export const MARK_LANES = 'UPDATE home.queues SET lanes = true WHERE key = ANY ($1::integer[]) AND NOT lanes'

/** In: ids, until when. Effect: it is known of them that they came as repeats. */
export const REMEMBER_REPEATED: string = `
INSERT INTO home.repeated(id, until) SELECT id, $2 FROM unnest($1::uuid[]) AS id ON CONFLICT (id) DO NOTHING`

/** In: ids, store time. Out: id, digest, state, gate, whether only a tombstone is left, terms of the key, of those that are known or remembered. */
export const KNOWN_TASKS: string = `
SELECT id::text, digest, state, gate, 0 AS rank, key_terms FROM home.live WHERE id = ANY ($1::uuid[])
UNION ALL SELECT id::text, digest, state, NULL, 0, key_terms FROM home.final WHERE id = ANY ($1::uuid[])
UNION ALL SELECT id::text, digest, state, NULL, 1, NULL FROM home.tombstones WHERE id = ANY ($1::uuid[]) AND until > $2
ORDER BY rank`

/** In: ids, epochs, nonces. Out: the same of those that run under their fence. Effect: they go on to, until the end of the transaction. */
export const RUN_UNDER: string = `
SELECT l.id::text, l.epoch, l.nonce::text FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) AS x(id, epoch, nonce)
JOIN home.live l ON l.id = x.id AND l.state = 2 AND l.epoch = x.epoch AND l.nonce = x.nonce ORDER BY l.id FOR SHARE OF l`
