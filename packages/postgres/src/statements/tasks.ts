/** Statements about whole tasks, many at a time: what `tasks.ts` reads and writes. */
import { CHECKPOINT_BYTES, CURRENT_SLOT, KEPT_COLUMNS } from './settling.ts'

const LOADED = `t.id::text, t.seq, t.queue, t.route, t.terms, t.level, t.state, t.flags, t.run_at, t.enqueued_at, t.claimed_at,
  t.epoch, t.nonce::text, t.session, t.settled, t.size, t.digest, t.counters, t.history, t.error, t.parents, t.start_by,
  t.deadline_at, t.cancel, t.restarted_at, t.unique_key, t.key_terms, t.mark, t.progress, t.logs,
  t.due_by, t.lane_text, ${CHECKPOINT_BYTES}`

/** In: ids, sorted. Out: live tasks. Effect: they are locked, in that order. */
export const LOCK_LIVE: string = `
SELECT ${LOADED}, t.expires_at, t.gate, t.blockers, t.triggers, t.attempt_at, t.missed, t.cause, t.taken_from, t.counted
FROM home.live t WHERE t.id = ANY ($1::uuid[]) ORDER BY t.id FOR UPDATE`

/** The same, but for those that somebody else has locked: a transaction of the user's may end one, and take its time. */
export const LOCK_FREE: string = `${LOCK_LIVE} SKIP LOCKED`

/** In: ids. Out: final tasks. Effect: they are locked. */
export const LOCK_FINAL: string = `
SELECT ${LOADED}, t.finished_at, t.reason, t.bytes
FROM home.final t WHERE t.id = ANY ($1::uuid[]) ORDER BY t.id FOR UPDATE`

/** What changes in a live task, with the types. */
const CHANGING = `state smallint, level smallint, flags smallint, run_at bigint, claimed_at bigint, epoch integer, nonce bigint,
  session integer, settled integer, counters text, history text, error text, start_by bigint, deadline_at bigint,
  cancel text, restarted_at bigint, mark text, progress text, logs text, size integer`

const LIVE_ONLY = `place smallint, expires_at bigint, gate integer, blockers integer, triggers integer, attempt_at bigint, missed smallint,
  cause smallint, taken_from integer, partition bigint, lane bigint, ord bigint, counted text`

const FINAL_ONLY = 'finished_at bigint, reason smallint, bytes integer, slot smallint'

function namesOf(columns: string): string[] {
  return columns.split(',').map((column) => column.trim().split(' ')[0]!)
}

const changing = namesOf(CHANGING)
const kept = namesOf(KEPT_COLUMNS).filter((name) => !changing.includes(name))

function list(names: readonly string[], prefix = ''): string {
  return names.map((name) => prefix + name).join(', ')
}

const LIVE_CHANGES = [...changing, ...namesOf(LIVE_ONLY)]

/** In: JSON of rows. Effect: the live tasks are as it says. */
export const SAVE_LIVE: string = `
UPDATE home.live t SET (${list(LIVE_CHANGES)}) = ROW(${list(LIVE_CHANGES, 'x.')})
FROM json_to_recordset($1::json) AS x(id uuid, ${CHANGING}, ${LIVE_ONLY}) WHERE t.id = x.id`

const END_CHANGES = [...changing, ...namesOf(FINAL_ONLY)]

/** In: JSON of rows, whose slot is NULL where they succeeded. Effect: the live tasks are final, as it says; a payload stays if its size does. */
export const END_LIVE: string = `
WITH gone AS (
  DELETE FROM home.live t USING json_to_recordset($1::json) AS x(id uuid, ${CHANGING}, ${FINAL_ONLY}, result text, result_raw bytea)
  WHERE t.id = x.id
  RETURNING ${list(kept, 't.')}, t.payload, t.payload_raw, ${list(END_CHANGES, 'x.')}, x.result, x.result_raw
)
INSERT INTO home.final(${list(kept)}, payload, payload_raw, ${list(END_CHANGES)}, result, result_raw)
SELECT ${list(kept)}, CASE WHEN state <> 4 THEN payload END, CASE WHEN state <> 4 THEN payload_raw END,
  ${list(END_CHANGES).replace(/slot$/, `coalesce(slot, ${CURRENT_SLOT})`)}, result, result_raw FROM gone`

const REVIVED = [...kept.filter((name) => name !== 'seq'), 'payload', 'payload_raw', ...LIVE_CHANGES]
const REVIVED_VALUES = list(REVIVED).replace('unique_key', 'CASE WHEN flags & 128 = 0 THEN unique_key END')

/**
 * In: JSON of rows. Effect: the final tasks live again, as it says; those in strict order arrive anew, and so come last;
 * a key that is held while one waits is to be taken anew.
 */
export const REVIVE: string = `
WITH gone AS (
  DELETE FROM home.final t USING json_to_recordset($1::json) AS x(id uuid, ${CHANGING}, ${LIVE_ONLY})
  WHERE t.id = x.id
  RETURNING ${list(kept, 't.')}, t.payload, t.payload_raw, ${list(LIVE_CHANGES, 'x.')}
), in_order AS (
  INSERT INTO home.live(${list(REVIVED)}) SELECT ${REVIVED_VALUES} FROM gone WHERE flags & 32 > 0
)
INSERT INTO home.live(seq, ${list(REVIVED)}) SELECT seq, ${REVIVED_VALUES} FROM gone WHERE flags & 32 = 0`

/** In: ids. Effect: the live tasks are gone. */
export const REMOVE_LIVE = 'DELETE FROM home.live WHERE id = ANY ($1::uuid[])'

/** In: ids. Effect: the final tasks are gone. */
export const REMOVE_FINAL = 'DELETE FROM home.final WHERE id = ANY ($1::uuid[])'

/** In: JSON of rows. Effect: the ids stay known for a while. */
export const BURY: string = `
INSERT INTO home.tombstones(id, digest, state, until, mark)
SELECT * FROM json_to_recordset($1::json) AS x(id uuid, digest text, state smallint, until bigint, mark text)
ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, state = excluded.state, until = excluded.until, mark = excluded.mark`

/** In: queues, states, numbers, bytes. Effect: the volumes of final tasks have changed so. */
export const ADD_VOLUMES: string = `
INSERT INTO home.volumes(queue, state, tasks, bytes)
SELECT * FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[])`

/** In: ids, texts, raw bytes. Effect: the live tasks have these checkpoints. */
export const SET_CHECKPOINTS: string = `
UPDATE home.live t SET checkpoint = x.text, checkpoint_raw = x.raw
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS x(id, text, raw) WHERE t.id = x.id`

/** In: ids, texts, raw bytes. Effect: the live tasks have these payloads. */
export const SET_PAYLOADS: string = `
UPDATE home.live t SET payload = x.text, payload_raw = x.raw
FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS x(id, text, raw) WHERE t.id = x.id`

/** In: JSON of rows. Effect: new live tasks, in that order. */
export const ADD_TASKS: string = `
INSERT INTO home.live(id, queue, route, terms, level, state, flags, run_at, enqueued_at, epoch, settled, size, digest, payload,
  payload_raw, parents, labels, start_by, deadline_at, unique_key, key_terms, place, expires_at, gate, blockers, triggers,
  due_by, lane_text, partition, lane, ord)
SELECT * FROM json_to_recordset($1::json) AS x(id uuid, queue integer, route integer, terms integer, level smallint,
  state smallint, flags smallint, run_at bigint, enqueued_at bigint, epoch integer, settled integer, size integer, digest text,
  payload text, payload_raw bytea, parents text, labels text, start_by bigint, deadline_at bigint, unique_key text,
  key_terms text, place smallint, expires_at bigint, gate integer, blockers integer, triggers integer,
  due_by bigint, lane_text text, partition bigint, lane bigint, ord bigint)`
