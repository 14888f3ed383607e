/** Statements of operators. */
import { inSlots } from './inspection.ts'

/** In: name. Effect: the queue is shown without any task too. Out: key, whether it is paused. */
export const CONFIGURE = 'UPDATE home.queues SET configured = true WHERE name = $1 RETURNING key, paused'

/** In: JSON or NULL, key. */
export const SET_RETENTION = 'UPDATE home.queues SET retention = $1 WHERE key = $2'

/** In: store time, by whom or NULL, key. Effect: the queue gives nothing; one that was paused keeps what it has. */
export const PAUSE = `
UPDATE home.queues SET paused = true, paused_at = $1, paused_by = $2 WHERE key = $3 AND NOT paused`

/** In: key. Effect: the queue goes on. */
export const RESUME =
  'UPDATE home.queues SET paused = false, paused_at = NULL, paused_by = NULL WHERE key = $1'

const MATCHING_FILTERS = `($3::integer IS NULL OR queue = $3)
      AND ($4::text IS NULL OR route = ANY (ARRAY(SELECT key FROM home.routes WHERE type = $4)))`

/** In: id to start behind, slots, whether live tasks count, how many. Out: the id up to which so many of each table are looked at, or NULL. */
export const EDGE_ABOVE: string = `
SELECT least(
  (SELECT id FROM home.live WHERE $3::boolean AND id > $1 ORDER BY id OFFSET $4 LIMIT 1),
  (SELECT id FROM home.final WHERE id > $1 AND ${inSlots('$2')} ORDER BY id OFFSET $4 LIMIT 1))::text`

/**
 * The next tasks that a filter may mean, in the order of their ids.
 *
 * In: id to start behind, states, queue or NULL, type or NULL, how many, the nonce of the command and a colon, slots,
 * whether live tasks count, id to go up to.
 * Out: id, mark, labels, a final task's end or a live one's arrival, route, error.
 */
export const MATCHING: string = `
SELECT t.id::text, t.mark, t.labels, t.since, t.route, t.error FROM (
  (SELECT id, mark, labels, enqueued_at AS since, route, error FROM home.live
    WHERE $8::boolean AND id > $1 AND id <= $9 AND (state = ANY ($2::integer[]) OR starts_with(mark, $6)) AND ${MATCHING_FILTERS} ORDER BY id LIMIT $5)
  UNION ALL
  (SELECT id, mark, labels, finished_at, route, error FROM home.final
    WHERE id > $1 AND id <= $9 AND ${inSlots('$7')} AND ${MATCHING_FILTERS} ORDER BY id LIMIT $5)
) t ORDER BY t.id LIMIT $5`

/** In: ids, store time. Out: id and mark of tombstones. */
export const FIND_TOMBSTONES =
  'SELECT id::text, mark FROM home.tombstones WHERE id = ANY ($1::uuid[]) AND until > $2'
