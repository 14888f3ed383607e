/** The claim: one function, so that it is one round trip whatever it meets. */
import { CLAIM_COLUMNS, CLAIMED, CONTENT_COLUMNS, PLANS } from './claim-columns.ts'
import { TAKES_TURNS } from './lanes.ts'
import { OUT_OF_THE_ORDINARY } from './settling.ts'

/** Of a task that was claimed just now, without what its part has in common, and what is as it mostly is. */
const FRESH_COLUMNS = `t.id, t.seq, nullif(t.ord, t.run_at), t.run_at, nullif(t.enqueued_at, t.run_at), NULL::bigint, nullif(t.epoch, 1), NULL::integer,
      NULL::integer, t.terms, NULL::smallint, ${CONTENT_COLUMNS}`

const NO_LANE = 't.partition = 0 AND t.lane = 0'

/**
 * Claims what a demand asks for.
 *
 * Where there are no lanes and no limits it looks only at what is ready in the demanded queues, of routes that the worker serves, behind the cursor
 * or, where nothing is behind it, from the front. Routes of a level take turns from a random first one.
 *
 * In: store time, session, nonce, whether this may be a repeat, whether to raise
 * MR001 for a task whose time is over (else it is passed over), types, offers, queues with five slots and the
 * most of each, the most tasks and payload bytes, the cursor as five lists, the quantum, the turns as five lists.
 * Out: one row of part 0: run_at is store time, seq the time until the next task or NULL, level whether
 * the session is alive; then the claims, part by part. A row of part -n gives queue, route and level of part n,
 * whose claims are of now, as old as their due time, and of epoch 1 unless they say something else.
 * Effects: due tasks are moved along, at most 1 000 a queue; the claimed ones run; the claim is written down.
 */
export const CLAIM_FUNCTION: string = `
CREATE FUNCTION home.claim(
  p_now bigint, p_session uuid, p_nonce bigint, p_again boolean, p_strict boolean,
  p_types text[], p_offers text[], p_queues text[], p_slots integer[], p_most integer[], p_tasks integer, p_bytes bigint,
  c_queues integer[], c_routes integer[], c_levels integer[], c_ords bigint[], c_seqs bigint[],
  p_quantum integer, t_queues integer[], t_levels integer[], t_partitions bigint[], t_lanes bigint[], t_lefts integer[]
) RETURNS ${CLAIMED} LANGUAGE plpgsql VOLATILE ${PLANS} AS $$
#variable_conflict use_column
DECLARE
  v_now bigint := p_now;
  v_session integer;
  v_alive boolean := false;
  v_routes integer[];
  v_queue integer;
  v_served integer[] := '{}';
  v_tasks integer := p_tasks;
  v_bytes bigint := p_bytes;
  v_taken uuid[] := '{}';
  v_part integer := 0;
  v_cut boolean := false;
  v_more boolean := false;
  v_next bigint;
  v_moved integer;
  v_left integer;
  v_wanted integer;
  v_share integer;
  v_open integer;
  v_pairs integer;
  a_routes integer[]; a_levels integer[]; a_ords bigint[]; a_seqs bigint[]; a_spent boolean[];
  v_ids uuid[]; v_places tid[]; v_seqs bigint[]; v_ords bigint[]; v_sizes integer[];
  v_size bigint; v_expires bigint; v_count integer; v_fit integer;
BEGIN
  -- whoever sets a limit waits until what was claimed without it can be counted
  LOCK TABLE home.claims IN ROW EXCLUSIVE MODE;
  SELECT s.key INTO v_session FROM home.sessions s WHERE s.id = p_session AND s.expires_at > v_now;
  v_alive := FOUND;
  IF v_alive AND cardinality(p_queues) > 0 THEN
    SELECT array_agg(r.key) INTO v_routes FROM home.routes r WHERE r.type = ANY (p_types) AND r.needs <@ p_offers;
  END IF;
  IF v_alive AND p_again AND cardinality(p_queues) > 0 THEN
    RETURN QUERY SELECT 1, ${CLAIM_COLUMNS} FROM home.live t
      WHERE t.id = ANY (ARRAY(SELECT unnest(c.ids) FROM home.claims c WHERE c.session = v_session AND c.nonce = p_nonce))
        AND t.state = 2 AND t.nonce = p_nonce AND t.session = v_session AND t.cause IS NULL;
    IF FOUND THEN v_tasks := 0; END IF;
  END IF;
  IF v_routes IS NOT NULL AND p_tasks > 0 AND ${TAKES_TURNS} THEN
    RETURN QUERY SELECT * FROM home.claim_in_turns(v_now, v_session, p_nonce, p_again, p_strict, v_routes, p_offers, p_queues, p_slots, p_most,
      v_tasks, p_bytes, p_quantum, t_queues, t_levels, t_partitions, t_lanes, t_lefts);
    RETURN;
  END IF;
  IF v_routes IS NOT NULL AND p_tasks > 0 THEN
    FOR i IN 1 .. cardinality(p_queues) LOOP
      SELECT q.key INTO v_queue FROM home.queues q WHERE q.name = p_queues[i] AND NOT q.paused;
      CONTINUE WHEN NOT FOUND OR p_most[i] <= 0;
      v_served := v_served || v_queue;
      CONTINUE WHEN v_cut OR v_more AND v_tasks = 0;
      UPDATE home.live t SET place = 1 WHERE t.id = ANY (ARRAY(
        SELECT l.id FROM home.live l
        WHERE l.place = 2 AND l.queue = v_queue AND l.route = ANY (v_routes) AND l.run_at <= v_now
        LIMIT 1000 FOR UPDATE SKIP LOCKED));
      GET DIAGNOSTICS v_moved = ROW_COUNT;
      v_more := v_more OR v_moved = 1000;
      -- LIMIT keeps Postgres from answering EXISTS by a look at everything that is ready
      SELECT array_agg(x.route), array_agg(x.level), array_agg(x.ord), array_agg(x.seq), array_agg(false)
      INTO a_routes, a_levels, a_ords, a_seqs, a_spent
      FROM (
        SELECT r.route, l.level, coalesce(b.ord, -1) AS ord, coalesce(b.seq, -1) AS seq
        FROM generate_series(0, 4) AS l(level)
        CROSS JOIN unnest(v_routes) AS r(route)
        LEFT JOIN LATERAL (
          SELECT c.ord, c.seq FROM unnest(c_queues, c_routes, c_levels, c_ords, c_seqs) AS c(queue, route, level, ord, seq)
          WHERE c.queue = v_queue AND c.route = r.route AND c.level = l.level
            AND (SELECT true FROM home.live t WHERE t.place = 1 AND t.queue = v_queue AND t.route = r.route AND t.level = l.level
              AND ${NO_LANE} AND (t.ord, t.seq) > (c.ord, c.seq) LIMIT 1)
          LIMIT 1
        ) AS b ON true
        WHERE b.ord IS NOT NULL OR (
          SELECT true FROM home.live t WHERE t.place = 1 AND t.queue = v_queue AND t.route = r.route AND t.level = l.level AND ${NO_LANE} LIMIT 1)
        ORDER BY l.level, random()
      ) AS x;
      v_pairs := coalesce(cardinality(a_routes), 0);
      CONTINUE WHEN v_pairs = 0;
      IF v_tasks = 0 THEN
        v_more := true;
        CONTINUE;
      END IF;
      v_left := least(p_most[i], v_tasks);
      <<passes>>
      FOR v_pass IN CASE WHEN a_levels[1] = a_levels[v_pairs] THEN 2 ELSE 1 END .. 2 LOOP
        FOR v_level IN a_levels[1] .. a_levels[v_pairs] LOOP
          v_wanted := CASE v_pass WHEN 1 THEN least(p_slots[5 * (i - 1) + v_level + 1], v_left) ELSE v_left END;
          WHILE v_wanted > 0 LOOP
            SELECT count(*) INTO v_open FROM generate_series(1, v_pairs) AS n WHERE a_levels[n] = v_level AND NOT a_spent[n];
            EXIT WHEN v_open = 0;
            FOR n IN 1 .. v_pairs LOOP
              CONTINUE WHEN a_levels[n] <> v_level OR a_spent[n];
              EXIT WHEN v_wanted = 0;
              v_share := (v_wanted + v_open - 1) / v_open;
              v_open := v_open - 1;
              SELECT array_agg(c.id), array_agg(c.ctid), array_agg(c.seq), array_agg(c.ord), array_agg(c.size), coalesce(sum(c.size), 0), min(c.expires_at), count(*)
              INTO v_ids, v_places, v_seqs, v_ords, v_sizes, v_size, v_expires, v_count
              FROM (
                SELECT t.id, t.ctid, t.seq, t.ord, t.size, t.expires_at FROM home.live t
                WHERE t.place = 1 AND t.queue = v_queue AND t.route = a_routes[n] AND t.level = v_level
                  AND ${NO_LANE} AND (t.ord, t.seq) > (a_ords[n], a_seqs[n])
                ORDER BY t.ord, t.seq LIMIT v_share FOR UPDATE SKIP LOCKED
              ) AS c;
              a_spent[n] := v_count < v_share;
              CONTINUE WHEN v_count = 0;
              a_ords[n] := v_ords[v_count];
              a_seqs[n] := v_seqs[v_count];
              IF v_expires <= v_now THEN
                IF p_strict THEN
                  RAISE EXCEPTION 'out of the ordinary' USING ERRCODE = '${OUT_OF_THE_ORDINARY}';
                END IF;
                SELECT array_agg(c.id ORDER BY c.n), array_agg(c.place ORDER BY c.n), array_agg(c.size ORDER BY c.n), coalesce(sum(c.size), 0), count(*)
                INTO v_ids, v_places, v_sizes, v_size, v_count
                FROM unnest(v_ids, v_places, v_sizes) WITH ORDINALITY AS c(id, place, size, n)
                JOIN home.live t ON t.id = c.id AND (t.expires_at IS NULL OR t.expires_at > v_now);
                v_more := true;
                CONTINUE WHEN v_count = 0;
              END IF;
              IF v_size > v_bytes AND NOT (v_count = 1 AND v_part = 0) THEN
                v_fit := 0;
                FOR k IN 1 .. v_count LOOP
                  EXIT WHEN v_sizes[k] > v_bytes AND (k > 1 OR v_part > 0);
                  v_bytes := v_bytes - v_sizes[k];
                  v_fit := k;
                END LOOP;
                v_cut := true;
                EXIT passes WHEN v_fit = 0;
                v_ids := v_ids[1:v_fit];
                v_places := v_places[1:v_fit];
                v_count := v_fit;
              ELSE
                v_bytes := v_bytes - v_size;
              END IF;
              v_part := v_part + 1;
              -- they are locked, so they are still where they were found
              RETURN QUERY SELECT -v_part, NULL::uuid, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint, NULL::integer, v_queue,
                a_routes[n], NULL::integer, v_level::smallint, NULL, NULL::bytea, NULL, NULL::bytea, NULL;
              RETURN QUERY UPDATE home.live t SET state = 2, place = 0, epoch = t.epoch + 1, nonce = p_nonce, session = v_session,
                claimed_at = greatest(v_now, t.run_at), settled = 0, flags = t.flags & ~16, expires_at = NULL, attempt_at = NULL, missed = 0,
                unique_key = CASE WHEN t.flags & 128 = 0 THEN t.unique_key END
                WHERE t.ctid = ANY (v_places)
                RETURNING v_part, ${FRESH_COLUMNS};
              v_taken := v_taken || v_ids;
              v_wanted := v_wanted - v_count;
              v_left := v_left - v_count;
              v_tasks := v_tasks - v_count;
              EXIT passes WHEN v_cut;
            END LOOP;
          END LOOP;
        END LOOP;
      END LOOP passes;
      IF NOT v_cut AND NOT v_more THEN
        SELECT EXISTS (
          SELECT FROM unnest(a_routes, a_levels, a_ords, a_seqs, a_spent) AS x(route, level, ord, seq, spent)
          WHERE NOT x.spent AND (
            SELECT true FROM home.live t WHERE t.place = 1 AND t.queue = v_queue AND t.route = x.route AND t.level = x.level
              AND ${NO_LANE} AND (t.ord, t.seq) > (x.ord, x.seq) LIMIT 1)
        ) INTO v_more;
      END IF;
    END LOOP;
    IF v_cut OR v_more THEN
      v_next := 0;
    ELSE
      SELECT CASE WHEN count(*) > 0 THEN greatest(min(l.run_at) - v_now, 0) END INTO v_next
      FROM unnest(v_served) AS q(key) CROSS JOIN unnest(v_routes) AS r(key)
      CROSS JOIN LATERAL (
        SELECT t.run_at FROM home.live t WHERE t.place = 2 AND t.queue = q.key AND t.route = r.key ORDER BY t.run_at LIMIT 1
      ) AS l;
    END IF;
  END IF;
  IF cardinality(v_taken) > 0 THEN
    IF p_again THEN
      INSERT INTO home.claims AS c (session, nonce, ids) VALUES (v_session, p_nonce, v_taken)
      ON CONFLICT (session, nonce) DO UPDATE SET ids = c.ids || excluded.ids;
    ELSE
      -- a copy that comes behind its own repeat ends here, and all it did is taken back
      INSERT INTO home.claims(session, nonce, ids) VALUES (v_session, p_nonce, v_taken);
    END IF;
  END IF;
  RETURN QUERY SELECT 0, NULL::uuid, v_next, NULL::bigint, v_now, NULL::bigint, NULL::bigint, NULL::integer, NULL::integer, NULL::integer,
    NULL::integer, v_alive::integer::smallint, NULL, NULL::bytea, NULL, NULL::bytea, NULL;
END $$;`

/**
 * In: as the functions. Out and effects: as the functions, in one transaction; the settlements come first, and
 * what they free can be claimed.
 */
export const EXCHANGE: string = `
SELECT * FROM home.claim(home.succeed($1::bigint, $2::uuid, $24::uuid[], $25::integer[], $26::bigint[], $27::integer[], $28::text[], $29::bigint[], $30::integer[]),
  $2::uuid, $3::bigint, $4::boolean, $5::boolean, $6::text[], $7::text[], $8::text[], $9::integer[], $10::integer[], $11::integer, $12::bigint,
  $13::integer[], $14::integer[], $15::integer[], $16::bigint[], $17::bigint[],
  $18::integer, $19::integer[], $20::integer[], $21::bigint[], $22::bigint[], $23::integer[])`

const CLAIM_REST = `$2::uuid, $3::bigint, $4::boolean, $5::boolean, $6::text[], $7::text[], $8::text[], $9::integer[],
  $10::integer[], $11::integer, $12::bigint, $13::integer[], $14::integer[], $15::integer[], $16::bigint[], $17::bigint[],
  $18::integer, $19::integer[], $20::integer[], $21::bigint[], $22::bigint[], $23::integer[])`

/**
 * In: store time that was seen. Out: store time. Effect: the transaction commits without waiting for the disk.
 * A claim that is lost with the server was never made: the task is ready again, and the nonce keeps apart who had it.
 */
const UNHURRIED_NOW = `CASE WHEN set_config('synchronous_commit', 'off', true) = 'off' THEN home.store_now($1::bigint) END`

/** In: as the function, but for the store time that the caller has seen instead of the time. Out and effects: as the function's. */
export const CLAIM: string = `SELECT * FROM home.claim(${UNHURRIED_NOW}, ${CLAIM_REST}`

/** In, out and effects: as the function's. */
export const CLAIM_AT: string = `SELECT * FROM home.claim($1::bigint, ${CLAIM_REST}`
