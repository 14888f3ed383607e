/**
 * Statements that run in a transaction of the user's, on whatever library's connection: so each takes one text, JSON,
 * and answers one. Expected refusals are answers, since an error would leave the transaction unusable.
 */
import { CHECKPOINT_BYTES, CURRENT_SLOT, KEPT_COLUMNS } from './settling.ts'
import { BEGIN_WINDOWS_OF_JSON } from './keys.ts'
import { ADD_TASKS } from './tasks.ts'

/** Neither the user's search path nor somebody's lock has a say in a function. */
const SETTINGS = `SET search_path = pg_catalog SET lock_timeout = '2s' SET plan_cache_mode = force_generic_plan SET jit = off
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off`

/**
 * In: {transaction, now, rows: of ADD_TASKS, edges: [{parent, child, if_failed, open, late}], windows: [{key, task, until}]}.
 * Out: 'added'; or 'taken' (an id, or a key), 'busy', or 'no transaction', and then nothing was done.
 * Effects: the tasks and edges are there. The parent of a late edge is neither locked nor looked at: deliver does that.
 */
const ADD_FUNCTION = `
CREATE FUNCTION home.add_within(p_text text) RETURNS text LANGUAGE plpgsql VOLATILE ${SETTINGS} AS $$
DECLARE
  j json := p_text::json;
  v_windows integer;
BEGIN
  IF pg_current_xact_id_if_assigned()::text IS DISTINCT FROM j ->> 'transaction' THEN
    RETURN 'no transaction';
  END IF;
  BEGIN
    ${ADD_TASKS.trim().replace('$1::json', "j -> 'rows'")};
    INSERT INTO home.late_series(queue, partition, task)
    SELECT x.queue, x.partition, x.id FROM json_to_recordset(j -> 'rows') AS x(id uuid, queue integer, partition bigint, flags smallint)
    WHERE x.flags & 64 > 0;
    WITH asked AS (
      SELECT * FROM json_to_recordset(j -> 'edges') AS x(parent uuid, child uuid, if_failed smallint, open boolean, late boolean)
    ), added AS (
      INSERT INTO home.edges(parent, child, if_failed, open) SELECT parent, child, if_failed, open FROM asked
      RETURNING parent, child, seq
    )
    INSERT INTO home.late_edges(parent, edge)
    SELECT a.parent, a.seq FROM added a JOIN asked x ON x.parent = a.parent AND x.child = a.child WHERE x.late;
    ${BEGIN_WINDOWS_OF_JSON.trim()};
    GET DIAGNOSTICS v_windows = ROW_COUNT;
    IF v_windows < json_array_length(j -> 'windows') THEN
      RAISE unique_violation;
    END IF;
    RETURN 'added';
  EXCEPTION
    WHEN unique_violation THEN RETURN 'taken';
    WHEN lock_not_available THEN RETURN 'busy';
  END;
END $$;`

/** Columns of the live row that a success keeps, with what came along: notes. */
const KEPT_WITH_NOTES = KEPT_COLUMNS.split(', ')
  .map((column) => {
    if (column === 'progress') return "coalesce(j ->> 'progress', progress)"
    return column === 'logs' ? 'CASE WHEN v_logs IS NULL THEN logs ELSE v_logs END' : column
  })
  .join(', ')

/**
 * In: {seen, transaction, task, epoch, nonce, seq, result, result_raw (hexadecimal), progress, logs}.
 * Out: 'applied', or 'applied, with more to do' for deliver; or 'stale', 'busy', or 'no transaction', and then nothing was done.
 * Effects: the task has succeeded. Its dependents are not locked, nor what counted it, nor who is next in order: that is
 * left to deliver.
 */
const SUCCEED_FUNCTION = `
CREATE FUNCTION home.succeed_within(p_text text) RETURNS text LANGUAGE plpgsql VOLATILE ${SETTINGS} AS $$
#variable_conflict use_column
DECLARE
  j json := p_text::json;
  v_id uuid := (j ->> 'task')::uuid;
  v_result text := j ->> 'result';
  v_raw bytea := decode(j ->> 'result_raw', 'hex');
  v_now bigint;
  v_logs text;
  v_flags smallint;
  v_counted text;
  v_queue integer;
  v_partition bigint;
BEGIN
  IF pg_current_xact_id_if_assigned()::text IS DISTINCT FROM j ->> 'transaction' THEN
    RETURN 'no transaction';
  END IF;
  v_now := home.store_now((j ->> 'seen')::bigint);
  BEGIN
    IF j ->> 'logs' IS NOT NULL THEN
      SELECT json_agg(e.line ORDER BY e.n)::text INTO v_logs FROM (
        SELECT told.line, row_number() OVER () AS n, count(*) OVER () AS lines FROM (
          SELECT json_array_elements((SELECT t.logs::json FROM home.live t WHERE t.id = v_id)) AS line
          UNION ALL SELECT json_array_elements(j -> 'logs')
        ) AS told
      ) AS e WHERE e.n > e.lines - 100;
    END IF;
    WITH gone AS (
      DELETE FROM home.live t
      WHERE t.id = v_id AND t.state = 2 AND t.epoch = (j ->> 'epoch')::integer AND t.nonce = (j ->> 'nonce')::bigint
        AND t.settled < (j ->> 'seq')::integer
      RETURNING t.*
    ), kept AS (
      INSERT INTO home.final(${KEPT_COLUMNS}, settled, size, state, finished_at, result, result_raw, bytes, slot)
      SELECT ${KEPT_WITH_NOTES}, (j ->> 'seq')::integer, 0, 4, v_now, v_result, v_raw,
        200 + coalesce(octet_length(v_result), octet_length(v_raw), 0) + ${CHECKPOINT_BYTES}, ${CURRENT_SLOT} FROM gone
      RETURNING queue, bytes
    ), counted AS (
      INSERT INTO home.volumes(queue, state, tasks, bytes) SELECT queue, 4, 1, bytes FROM kept
    )
    SELECT flags, g.counted, queue, g.partition INTO v_flags, v_counted, v_queue, v_partition FROM gone g;
    IF v_flags IS NULL THEN
      RETURN 'stale';
    END IF;
    IF v_flags & 8 > 0 THEN
      DELETE FROM home.edges e WHERE e.child = v_id;
    END IF;
    IF v_counted IS NOT NULL THEN
      INSERT INTO home.late_slots(counted) VALUES (v_counted);
    END IF;
    IF v_flags & 32 > 0 THEN
      INSERT INTO home.late_series(queue, partition) VALUES (v_queue, v_partition);
    END IF;
    IF v_flags & 4 > 0 THEN
      INSERT INTO home.outbox(parent, until, succeeded)
      SELECT v_id, coalesce(max(e.seq), 0), true FROM home.edges e WHERE e.parent = v_id AND e.open
      ON CONFLICT (parent, until) DO NOTHING;
      RETURN 'applied, with more to do';
    END IF;
    IF v_flags & 32 > 0 OR v_counted IS NOT NULL THEN
      RETURN 'applied, with more to do';
    END IF;
    RETURN 'applied';
  EXCEPTION
    WHEN lock_not_available THEN RETURN 'busy';
  END;
END $$;`

/** What transactions of the user's need. */
export const GUEST_SCHEMA: string = `
-- edges that were written beside their parent, not under its lock: whoever delivers takes them up
CREATE TABLE home.late_edges(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent uuid NOT NULL, edge bigint NOT NULL);
-- tasks in strict order that came so, and series whose first task ended so, or was locked by somebody
CREATE TABLE home.late_series(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, queue integer NOT NULL, partition bigint NOT NULL, task uuid);
-- what counted tasks that ended so
CREATE TABLE home.late_slots(seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, counted text NOT NULL);
${ADD_FUNCTION}
${SUCCEED_FUNCTION}
`

const WINDOWS = `SELECT w.key, w.task FROM home.windows w
    WHERE w.key = ANY (ARRAY(SELECT json_array_elements_text(j -> 'windows') FROM p)) AND w.until > (SELECT now FROM t)`

/** Those that are named, and those that hold windows. */
const IDS = `ANY (ARRAY(SELECT json_array_elements_text(j -> 'ids')::uuid FROM p UNION SELECT task FROM (${WINDOWS}) AS o))`

/**
 * In: {seen, ids, keys, windows: keys, under: {task, epoch, nonce} or null}.
 * Out: {now, transaction, known: [[id, digest, state, gate, rank], …], holders: [[key, id, state, gate], …], windows: [[key, id], …], runs}.
 * Effect: the transaction has a number, by which the next statement knows that it still is the same.
 */
export const LOOK_WITHIN: string = `
WITH p AS MATERIALIZED (SELECT $1::json AS j),
t AS MATERIALIZED (SELECT home.store_now((j ->> 'seen')::bigint) AS now FROM p)
SELECT json_build_object(
  'now', t.now,
  'transaction', pg_current_xact_id()::text,
  'known', (SELECT json_agg(json_build_array(k.id, k.digest, k.state, k.gate, k.rank) ORDER BY k.rank) FROM (
    SELECT id, digest, state, gate, 0 AS rank FROM home.live WHERE id = ${IDS}
    UNION ALL SELECT id, digest, state, NULL, 0 FROM home.final WHERE id = ${IDS}
    UNION ALL SELECT id, digest, state, NULL, 1 FROM home.tombstones WHERE id = ${IDS} AND until > (SELECT now FROM t)) AS k),
  'holders', (SELECT json_agg(json_build_array(h.unique_key, h.id, h.state, h.gate)) FROM home.live h
    WHERE h.unique_key IS NOT NULL AND h.unique_key COLLATE "C" = ANY (ARRAY(SELECT json_array_elements_text(j -> 'keys') FROM p))),
  'windows', (SELECT json_agg(json_build_array(o.key, o.task)) FROM (${WINDOWS}) AS o),
  'runs', (SELECT EXISTS (SELECT FROM p, home.live l WHERE l.id = (j #>> '{under,task}')::uuid AND l.state = 2
    AND l.epoch = (j #>> '{under,epoch}')::integer AND l.nonce = (j #>> '{under,nonce}')::bigint))
)::text AS answer FROM t`

/** In and out: as the function's. */
export const ADD_WITHIN = 'SELECT home.add_within($1::text) AS answer'

/** In and out: as the function's. */
export const SUCCEED_WITHIN = 'SELECT home.succeed_within($1::text) AS answer'

/** Out: the number of the transaction, which it has from now on. */
export const NUMBER_WITHIN = 'SELECT left($1::text, 0) || pg_current_xact_id()::text AS answer'

/** In: numbers of transactions. Out: number, and 'committed', 'aborted', 'in progress', or NULL for one of long ago. */
export const FATES = 'SELECT x, pg_xact_status(x::xid8) FROM unnest($1::text[]) AS x'

/** In: id, epoch, nonce, number of the settlement. Out: whether the task has succeeded by it. */
export const SUCCEEDED_BY = `
SELECT EXISTS (SELECT FROM home.final WHERE id = $1 AND epoch = $2 AND nonce = $3 AND settled = $4 AND state = 4)`

/** In: how many. Out: late edges, oldest first: number, parent, edge. Effect: they are taken out. */
export const LATE_EDGES =
  'SELECT seq, parent::text, edge FROM home.late_edges ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED'

/** In: numbers. Effect: those late edges are taken up. */
export const DROP_LATE_EDGES = 'DELETE FROM home.late_edges WHERE seq = ANY ($1::bigint[])'
