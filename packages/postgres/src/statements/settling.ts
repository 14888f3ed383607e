/** The end of ordinary tasks, many at a time. */

/** Raised when an exchange meets something out of the ordinary: it is taken back, and done step by step. */
export const OUT_OF_THE_ORDINARY = 'MR001'

/** Which partition succeeded tasks go to. */
export const CURRENT_SLOT = '(SELECT c.slot FROM home.clock c)'

/** Columns that an end takes over from the live row as they are. */
export const KEPT_COLUMNS: string =
  'id, seq, run_at, enqueued_at, claimed_at, nonce, queue, route, terms, epoch, session, level, flags, digest, ' +
  'counters, history, parents, labels, start_by, deadline_at, cancel, restarted_at, due_by, lane_text, unique_key, key_terms, mark, progress, ' +
  'logs, checkpoint, checkpoint_raw'

/** What a task keeps of a checkpoint, whatever became of it. */
export const CHECKPOINT_BYTES = 'coalesce(octet_length(checkpoint), octet_length(checkpoint_raw), 0)'

/**
 * Successes of tasks that nobody waits for, and that waited for nobody.
 *
 * In: the store time that the caller has seen, the worker's session, ids in their order, for each task epoch,
 * nonce, number of the settlement and result; nonces under which nothing runs any more, and how many tasks each
 * claimed: one under which more was claimed, by a late copy of its request, is kept.
 * Out: the store time it used.
 * Effects: the tasks are final. Raises MR001, and changes nothing, unless every one of them runs under its
 * fence, is ordinary, and was not settled before.
 */
export const SUCCEED_FUNCTION: string = `
CREATE FUNCTION home.succeed(
  p_seen bigint, p_session uuid, p_ids uuid[], p_epochs integer[], p_nonces bigint[], p_numbers integer[],
  p_results text[], p_done bigint[], p_done_tasks integer[]
) RETURNS bigint LANGUAGE plpgsql VOLATILE
SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  v_now bigint := home.store_now(p_seen);
  v_slot smallint := ${CURRENT_SLOT};
  v_ended bigint;
  v_counted text[];
BEGIN
  WITH asked AS (
    SELECT * FROM unnest(p_ids, p_epochs, p_nonces, p_numbers, p_results) AS a(id, epoch, nonce, number, result)
  ), gone AS (
    DELETE FROM home.live t USING asked a
    WHERE t.id = a.id AND t.state = 2 AND t.epoch = a.epoch AND t.nonce = a.nonce AND t.settled < a.number
      AND t.flags & 44 = 0
    RETURNING ${KEPT_COLUMNS.replaceAll(/\w+/g, 't.$&')}, a.number, a.result, t.counted
  ), kept AS (
    INSERT INTO home.final(${KEPT_COLUMNS}, settled, size, state, finished_at, result, bytes, slot)
    SELECT ${KEPT_COLUMNS}, number, 0, 4, v_now, result,
      200 + coalesce(octet_length(result), 0) + ${CHECKPOINT_BYTES}, v_slot FROM gone
    RETURNING queue, bytes
  ), counted AS (
    INSERT INTO home.volumes(queue, state, tasks, bytes)
    SELECT queue, 4, count(*), sum(bytes) FROM kept GROUP BY queue
    RETURNING tasks
  )
  SELECT coalesce(sum(tasks), 0), (SELECT array_agg(g.counted) FROM gone g WHERE g.counted IS NOT NULL)
  INTO v_ended, v_counted FROM counted;
  IF v_ended <> cardinality(p_ids) THEN
    RAISE EXCEPTION 'out of the ordinary' USING ERRCODE = '${OUT_OF_THE_ORDINARY}';
  END IF;
  IF v_counted IS NOT NULL THEN
    PERFORM home.give_back(v_counted);
  END IF;
  IF cardinality(p_done) > 0 THEN
    DELETE FROM home.claims c USING home.sessions s, unnest(p_done, p_done_tasks) AS d(nonce, tasks)
    WHERE s.id = p_session AND c.session = s.key AND c.nonce = d.nonce AND cardinality(c.ids) = d.tasks;
  END IF;
  RETURN v_now;
END $$;`
