/** The claim where there are lanes or limits: partitions take turns, and what is full is passed over. */
import { BEHIND_ALL, KEYS, PARTITIONS, SURVEY } from './lanes.ts'
import { OUT_OF_THE_ORDINARY } from './settling.ts'
import { CLAIM_COLUMNS, CLAIMED, PLANS } from './claim-columns.ts'

/** By how many lanes a claim comes in each level. */
const HOPS_MAX = 200
/** How soon a key is looked at again that another claim has at this moment, and lanes that one claim cannot come by. */
const AGAIN_MS = 10
/** What it comes by at least with a look, and of a partition. */
const LOOK_MIN = 8

/**
 * In: as the claim; besides, the session's key, the routes that it serves, and the turns: for queues and levels the
 * partition behind which it goes on, or that has so much left of its turn, and the lane behind which it goes on in a
 * partition that is alone, or -1.
 * Out: as the claim. Each row says itself of what queue, route and level it is; the head has the turns in extra.
 * Effects: as the claim; what the tasks count under is counted.
 */
export const CLAIM_IN_TURNS_FUNCTION: string = `
CREATE FUNCTION home.claim_in_turns(
  p_now bigint, p_session integer, p_nonce bigint, p_again boolean, p_strict boolean, p_routes integer[], p_offers text[], p_queues text[],
  p_slots integer[], p_most integer[], p_tasks integer, p_bytes bigint, p_quantum integer,
  t_queues integer[], t_levels integer[], t_partitions bigint[], t_lanes bigint[], t_lefts integer[]
) RETURNS ${CLAIMED} LANGUAGE plpgsql VOLATILE ${PLANS} AS $$
#variable_conflict use_column
DECLARE
  v_limited boolean := EXISTS (SELECT FROM home.limits);
  v_queue integer; v_level integer; v_levels integer[]; v_served integer[] := '{}';
  v_tasks integer := p_tasks; v_bytes bigint := p_bytes; v_left integer; v_wanted integer; v_took integer;
  v_taken uuid[] := '{}'; v_part integer := 0;
  v_cut boolean := false; v_more boolean := false; v_next bigint; v_moved integer;
  v_again double precision; -- when to look again at what was passed over
  -- the spot in the ring
  v_from bigint; v_end bigint; v_behind bigint; v_rest integer; v_spot integer; v_bound bigint; v_step bigint; v_wrap integer;
  v_hops integer; v_hops_left integer; v_look integer; v_window integer; v_short boolean; v_alone boolean;
  -- lanes that were found, by route
  g_routes integer[]; g_partitions bigint[]; g_lanes bigint[]; g_texts text[]; g_weights integer[]; g_waits bigint[]; g_spills bigint[]; g_spent boolean[];
  g_ends integer[]; g_got integer[]; g_keys integer[]; g_keys_end integer[]; v_groups integer;
  -- their partitions
  s_turns integer[]; s_first integer[]; s_last integer[]; s_spent boolean[]; s_cut boolean[]; s_quotas integer[]; v_partitions integer;
  v_at integer; v_turn integer; v_last integer; v_last_left integer; v_sum bigint; v_slot integer;
  v_in_turn boolean; v_visited boolean; v_reached integer; j integer; n integer;
  v_rounds integer; v_quota integer; v_share integer; v_lanes integer;
  -- what they count under: which key, at which place among those of the lane, at what cost of the head
  m_keys integer[]; m_pos integer[]; m_costs integer[]; v_links integer;
  k_names text[] := '{}'; k_ids integer[] := '{}'; k_limits integer[] := '{}'; k_units double precision[] := '{}'; k_bursts integer[] := '{}';
  k_shut bigint[] := '{}'; k_used integer[] := '{}'; k_arrivals double precision[] := '{}'; k_held boolean[] := '{}';
  k_reserved integer[]; k_changed boolean[] := '{}'; v_keys integer := 0; v_rated boolean := false;
  w_names text[]; w_keys text[]; w_index integer[];
  v_key integer; v_room integer; v_when double precision; v_cost integer; v_blocked boolean; v_forever boolean;
  -- what is taken in one round
  u_n integer[]; u_slots integer[]; u_routes integer[]; u_partitions bigint[]; u_lanes bigint[]; u_quotas integer[]; v_units integer;
  c_n integer[]; c_ids uuid[]; c_places tid[]; c_sizes integer[]; c_runs bigint[]; c_expires bigint[]; c_texts text[]; v_count integer;
  x_ids uuid[]; x_places tid[]; x_counted text[]; v_counted text;
  k record;
BEGIN
  FOR i IN 1 .. cardinality(p_queues) LOOP
    SELECT q.key INTO v_queue FROM home.queues q WHERE q.name = p_queues[i] AND NOT q.paused;
    CONTINUE WHEN NOT FOUND OR p_most[i] <= 0;
    v_served := v_served || v_queue;
    CONTINUE WHEN v_cut OR v_more AND v_tasks = 0;
    UPDATE home.live t SET place = 1 WHERE t.id = ANY (ARRAY(
      SELECT l.id FROM home.live l
      WHERE l.place = 2 AND l.queue = v_queue AND l.route = ANY (p_routes) AND l.run_at <= p_now
      LIMIT 1000 FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS v_moved = ROW_COUNT;
    v_more := v_more OR v_moved = 1000;
    SELECT array_agg(l.level ORDER BY l.level) INTO v_levels FROM generate_series(0, 4) AS l(level) WHERE (
      SELECT true FROM unnest(p_routes) AS r(route) CROSS JOIN LATERAL (
        SELECT 1 FROM home.live t WHERE t.place = 1 AND t.queue = v_queue AND t.route = r.route AND t.level = l.level LIMIT 1
      ) AS x LIMIT 1);
    CONTINUE WHEN v_levels IS NULL;
    IF v_tasks = 0 THEN
      v_more := true;
      CONTINUE;
    END IF;
    v_left := least(p_most[i], v_tasks);
    <<passes>>
    FOR v_pass IN CASE cardinality(v_levels) WHEN 1 THEN 2 ELSE 1 END .. 2 LOOP
      FOREACH v_level IN ARRAY v_levels LOOP
        v_wanted := CASE v_pass WHEN 1 THEN least(p_slots[5 * (i - 1) + v_level + 1], v_left) ELSE v_left END;
        v_more := v_more OR v_left = 0;
        CONTINUE WHEN v_wanted <= 0;
        SELECT s.n, s.partition, s.lane, s.rest INTO v_spot, v_from, v_behind, v_rest
        FROM unnest(t_queues, t_levels, t_partitions, t_lanes, t_lefts) WITH ORDINALITY AS s(queue, level, partition, lane, rest, n)
        WHERE s.queue = v_queue AND s.level = v_level LIMIT 1;
        IF NOT FOUND THEN
          v_spot := cardinality(t_queues) + 1; v_from := p_nonce & ${BEHIND_ALL}; v_behind := -1; v_rest := 0;
        END IF;
        -- a partition that is alone goes on where it was; of others the lanes are begun with by chance
        v_alone := v_behind >= 0;
        IF NOT v_alone THEN v_behind := hashint8extended(p_nonce, 0) & ${BEHIND_ALL}; END IF;
        v_look := ${LOOK_MIN};
        v_hops_left := greatest(${HOPS_MAX} / cardinality(p_routes), 10);
        WHILE v_wanted > 0 AND v_hops_left >= ${LOOK_MIN} LOOP
          v_hops := least(v_hops_left, greatest(v_wanted + 1, v_look));
          v_look := v_look * 2;
          v_window := CASE WHEN v_alone THEN v_hops ELSE greatest(v_hops / 4, ${LOOK_MIN}) END;
          v_end := CASE WHEN v_rest > 0 THEN v_from - 1 ELSE v_from END;
          v_step := NULL;${SURVEY};
          v_hops_left := v_hops_left - v_hops;
          v_groups := coalesce(cardinality(g_routes), 0);
          EXIT WHEN v_groups = 0;${PARTITIONS}
          g_keys := array_fill(0, ARRAY[v_groups]); g_keys_end := array_fill(-1, ARRAY[v_groups]);
          IF v_limited THEN
            m_keys := '{}'; m_pos := '{}'; m_costs := '{}'; v_links := 0;
            w_names := '{}'; w_keys := '{}'; w_index := '{}';
            FOR k IN${KEYS} LOOP
              v_key := array_position(k_names, length(k.name) || ':' || k.name || k.key);
              IF v_key IS NULL THEN
                v_keys := v_keys + 1;
                v_key := v_keys;
                k_names[v_key] := length(k.name) || ':' || k.name || k.key;
                k_ids[v_key] := k.id; k_limits[v_key] := k.concurrency; k_units[v_key] := k.unit_ms; k_bursts[v_key] := k.burst;
                k_shut[v_key] := k.shut; k_used[v_key] := k.used; k_arrivals[v_key] := k.arrival; k_changed[v_key] := false;
                v_rated := v_rated OR k.unit_ms IS NOT NULL;
                -- what counts nothing, or is full already, need not be held
                k_held[v_key] := k.concurrency IS NULL AND k.unit_ms IS NULL OR k.used >= k.concurrency OR k.shut > p_now;
                IF NOT coalesce(k_held[v_key], false) THEN
                  k_held[v_key] := false;
                  w_names := w_names || k.name; w_keys := w_keys || k.key; w_index := w_index || v_key;
                END IF;
              END IF;
              v_links := v_links + 1;
              m_keys[v_links] := v_key; m_pos[v_links] := k.pos; m_costs[v_links] := k.cost;
              IF g_keys[k.n] = 0 THEN g_keys[k.n] := v_links; END IF;
              g_keys_end[k.n] := v_links;
            END LOOP;
            IF cardinality(w_index) > 0 THEN
              INSERT INTO home.limit_keys(name, key)
              SELECT w.name, w.key FROM unnest(w_names, w_keys, w_index) AS w(name, key, n) WHERE k_ids[w.n] IS NULL ORDER BY 1, 2
              ON CONFLICT DO NOTHING;
              FOR k IN
                SELECT w.n, u.id, u.used, u.arrival_at, u.shut_until FROM unnest(w_names, w_keys, w_index) AS w(name, key, n)
                JOIN home.limit_keys u ON u.name = w.name AND u.key = w.key FOR UPDATE OF u SKIP LOCKED
              LOOP
                k_held[k.n] := true;
                k_ids[k.n] := k.id; k_used[k.n] := k.used; k_arrivals[k.n] := k.arrival_at;
                k_shut[k.n] := greatest(k_shut[k.n], k.shut_until);
              END LOOP;
            END IF;
          END IF;
          v_at := 1; v_last := NULL; v_visited := false;
          v_turn := CASE WHEN v_rest > 0 AND g_partitions[1] = v_from THEN v_rest END;
          <<rounds>>
          LOOP
            v_sum := 0;
            FOR j IN 1 .. v_partitions LOOP
              IF NOT s_spent[j] THEN v_sum := v_sum + s_turns[j]; END IF;
            END LOOP;
            EXIT rounds WHEN v_sum = 0 OR v_wanted = 0;
            s_quotas := array_fill(0, ARRAY[v_partitions]);
            v_in_turn := false;
            IF v_alone THEN
              s_quotas[1] := v_wanted;
            ELSIF v_turn IS NULL AND v_bound IS NULL AND v_wanted >= v_sum THEN
              v_rounds := v_wanted / v_sum;
              FOR j IN 1 .. v_partitions LOOP
                -- nobody gets more turns than those who have lanes that were not looked at
                IF s_cut[j] AND NOT s_spent[j] THEN
                  v_rounds := greatest(least(v_rounds, (s_last[j] - s_first[j] + 1) / s_turns[j]), 1);
                END IF;
              END LOOP;
              FOR j IN 1 .. v_partitions LOOP
                IF NOT s_spent[j] THEN s_quotas[j] := v_rounds * s_turns[j]; END IF;
              END LOOP;
              v_last := CASE v_at WHEN 1 THEN v_partitions ELSE v_at - 1 END; v_last_left := 0;
            ELSE
              -- each from here on gets its turn; it ends where enough is found
              v_in_turn := true;
              FOR x IN 0 .. v_partitions - 1 LOOP
                v_slot := (v_at - 1 + x) % v_partitions + 1;
                EXIT WHEN v_bound IS NOT NULL AND v_slot < v_at;
                CONTINUE WHEN s_spent[v_slot];
                s_quotas[v_slot] := least(CASE WHEN x = 0 THEN coalesce(v_turn, s_turns[v_slot]) ELSE s_turns[v_slot] END, v_wanted);
              END LOOP;
            END IF;
            v_units := 0; u_n := '{}'; u_slots := '{}'; u_routes := '{}'; u_partitions := '{}'; u_lanes := '{}'; u_quotas := '{}';
            k_reserved := array_fill(0, ARRAY[v_keys]);
            FOR x IN 0 .. v_partitions - 1 LOOP
              j := (v_at - 1 + x) % v_partitions + 1;
              v_quota := s_quotas[j];
              CONTINUE WHEN v_quota = 0;
              v_lanes := 0;
              FOR n IN s_first[j] .. s_last[j] LOOP
                IF NOT g_spent[n] THEN v_lanes := v_lanes + 1; END IF;
              END LOOP;
              FOR n IN s_first[j] .. s_last[j] LOOP
                CONTINUE WHEN g_spent[n];
                v_share := (v_quota + v_lanes - 1) / v_lanes;
                v_lanes := v_lanes - 1;
                IF g_keys[n] > 0 THEN
                  v_blocked := false; v_forever := false; v_when := 0;
                  FOR m IN g_keys[n] .. g_keys_end[n] LOOP
                    v_key := m_keys[m];
                    IF k_shut[v_key] > p_now THEN
                      v_blocked := true; v_when := greatest(v_when, k_shut[v_key]); CONTINUE;
                    END IF;
                    IF k_limits[v_key] IS NOT NULL THEN
                      IF k_used[v_key] >= k_limits[v_key] THEN
                        v_blocked := true; v_forever := true;
                      END IF;
                      v_share := least(v_share, k_limits[v_key] - k_used[v_key] - k_reserved[v_key]);
                    END IF;
                    IF k_units[v_key] IS NOT NULL THEN
                      v_cost := least(m_costs[m], k_bursts[v_key]);
                      IF greatest(k_arrivals[v_key], p_now) + (v_cost - k_bursts[v_key]) * k_units[v_key] - p_now > 1e-6 THEN
                        v_blocked := true;
                        v_when := greatest(v_when, greatest(k_arrivals[v_key], p_now) + (v_cost - k_bursts[v_key]) * k_units[v_key]);
                      END IF;
                      v_share := least(v_share, greatest(floor(k_bursts[v_key] - (greatest(k_arrivals[v_key], p_now) - p_now) / k_units[v_key] + 1e-6)::integer, 1) - k_reserved[v_key]);
                    END IF;
                    IF NOT k_held[v_key] THEN
                      v_blocked := true; v_when := greatest(v_when, p_now + ${AGAIN_MS});
                    END IF;
                  END LOOP;
                  IF v_blocked THEN
                    g_spent[n] := true;
                    IF NOT v_forever THEN v_again := least(v_again, v_when); END IF;
                    CONTINUE;
                  END IF;
                  CONTINUE WHEN v_share <= 0;
                  FOR m IN g_keys[n] .. g_keys_end[n] LOOP
                    k_reserved[m_keys[m]] := k_reserved[m_keys[m]] + v_share;
                  END LOOP;
                END IF;
                CONTINUE WHEN v_share <= 0;
                v_quota := v_quota - v_share;
                v_units := v_units + 1;
                u_n[v_units] := n; u_slots[v_units] := j; u_routes[v_units] := g_routes[n]; u_partitions[v_units] := g_partitions[n];
                u_lanes[v_units] := g_lanes[n]; u_quotas[v_units] := v_share;
              END LOOP;
            END LOOP;
            v_took := 0;
            IF v_units > 0 THEN
              SELECT array_agg(c.n), array_agg(c.id), array_agg(c.ctid), array_agg(c.size), array_agg(c.run_at), array_agg(c.expires_at), array_agg(c.text), count(*)
              INTO c_n, c_ids, c_places, c_sizes, c_runs, c_expires, c_texts, v_count
              FROM (
                SELECT u.n::integer AS n, x.*
                FROM unnest(u_routes, u_partitions, u_lanes, u_quotas) WITH ORDINALITY AS u(route, partition, lane, quota, n)
                CROSS JOIN LATERAL (
                  SELECT t.id, t.ctid, t.size, t.run_at, t.expires_at, CASE WHEN v_rated THEN t.lane_text END AS text FROM home.live t
                  WHERE t.place = 1 AND t.queue = v_queue AND t.route = u.route AND t.level = v_level
                    AND t.partition = u.partition AND t.lane = u.lane
                  ORDER BY t.ord, t.seq LIMIT u.quota FOR UPDATE SKIP LOCKED
                ) AS x LIMIT v_wanted
              ) AS c;
              v_reached := CASE WHEN v_count = v_wanted THEN c_n[v_count] ELSE v_units END;
              g_got := array_fill(0, ARRAY[v_groups]);
              x_ids := '{}'; x_places := '{}'; x_counted := '{}';
              FOR c IN 1 .. v_count LOOP
                n := u_n[c_n[c]];
                g_got[n] := g_got[n] + 1;
                IF c_expires[c] <= p_now THEN
                  IF p_strict THEN
                    RAISE EXCEPTION 'out of the ordinary' USING ERRCODE = '${OUT_OF_THE_ORDINARY}';
                  END IF;
                  v_more := true;
                  g_spent[n] := true;
                  CONTINUE;
                END IF;
                CONTINUE WHEN g_spent[n];
                IF g_waits[n] > 0 AND c_runs[c] + g_waits[n] > p_now THEN
                  g_spent[n] := true; v_again := least(v_again, c_runs[c] + g_waits[n]); CONTINUE;
                END IF;
                v_counted := NULL;
                IF g_keys[n] > 0 THEN
                  IF v_rated THEN
                    FOR m IN g_keys[n] .. g_keys_end[n] LOOP
                      v_key := m_keys[m];
                      CONTINUE WHEN k_units[v_key] IS NULL;
                      IF m_pos[m] >= 0 THEN
                        m_costs[m] := (c_texts[c]::json -> 2 -> m_pos[m] ->> 2)::integer;
                      END IF;
                      v_cost := least(m_costs[m], k_bursts[v_key]);
                      v_when := greatest(k_arrivals[v_key], p_now) + (v_cost - k_bursts[v_key]) * k_units[v_key];
                      IF v_when - p_now > 1e-6 THEN
                        g_spent[n] := true;
                        v_again := least(v_again, v_when);
                      END IF;
                    END LOOP;
                    CONTINUE WHEN g_spent[n];
                  END IF;
                END IF;
                IF c_sizes[c] > v_bytes AND cardinality(v_taken) + v_took > 0 THEN
                  v_cut := true;
                  EXIT;
                END IF;
                v_bytes := v_bytes - c_sizes[c];
                IF g_keys[n] > 0 THEN
                  FOR m IN g_keys[n] .. g_keys_end[n] LOOP
                    v_key := m_keys[m];
                    IF k_units[v_key] IS NOT NULL THEN
                      k_arrivals[v_key] := greatest(k_arrivals[v_key], p_now) + least(m_costs[m], k_bursts[v_key]) * k_units[v_key];
                      k_changed[v_key] := true;
                    END IF;
                    IF k_limits[v_key] IS NOT NULL THEN
                      k_used[v_key] := k_used[v_key] + 1;
                      k_changed[v_key] := true;
                      v_counted := coalesce(v_counted || ',', '') || k_ids[v_key];
                    END IF;
                  END LOOP;
                END IF;
                v_took := v_took + 1;
                x_ids[v_took] := c_ids[c]; x_places[v_took] := c_places[c]; x_counted[v_took] := '{' || v_counted || '}';
              END LOOP;
              FOR m IN 1 .. v_reached LOOP
                IF g_got[u_n[m]] < u_quotas[m] AND NOT (m = v_reached AND v_count = v_wanted) THEN g_spent[u_n[m]] := true; END IF;
              END LOOP;
              IF v_in_turn THEN
                v_last := u_slots[v_reached];
                v_last_left := CASE v_last WHEN v_at THEN coalesce(v_turn, s_turns[v_last]) ELSE s_turns[v_last] END;
                FOR m IN 1 .. v_units LOOP
                  IF u_slots[m] = v_last THEN v_last_left := v_last_left - g_got[u_n[m]]; END IF;
                END LOOP;
                IF v_count < v_wanted THEN
                  v_last_left := 0; v_visited := v_bound IS NOT NULL;
                END IF;
                v_turn := CASE WHEN v_last_left > 0 THEN v_last_left END;
                v_at := CASE WHEN v_last_left > 0 THEN v_last ELSE v_last % v_partitions + 1 END;
              END IF;
            END IF;
            FOR j IN 1 .. v_partitions LOOP
              CONTINUE WHEN s_spent[j];
              s_spent[j] := true;
              FOR n IN s_first[j] .. s_last[j] LOOP
                IF NOT g_spent[n] THEN s_spent[j] := false; END IF;
              END LOOP;
              -- before others take what is left over, more of its lanes are looked at
              v_visited := v_visited OR s_cut[j] AND NOT v_alone;
            END LOOP;
            IF v_took > 0 THEN
              v_part := v_part + 1;
              -- they are locked, so they are still where they were found
              RETURN QUERY UPDATE home.live t SET state = 2, place = 0, epoch = t.epoch + 1, nonce = p_nonce, session = p_session,
                claimed_at = greatest(p_now, t.run_at), settled = 0, flags = t.flags & ~16, expires_at = NULL, attempt_at = NULL, missed = 0, counted = x.counted,
                unique_key = CASE WHEN t.flags & 128 = 0 THEN t.unique_key END
                FROM unnest(x_places, x_counted) AS x(place, counted) WHERE t.ctid = x.place
                RETURNING v_part, ${CLAIM_COLUMNS};
              v_taken := v_taken || x_ids;
              v_wanted := v_wanted - v_took; v_left := v_left - v_took; v_tasks := v_tasks - v_took;
            END IF;
            EXIT rounds WHEN v_cut OR v_visited OR v_units = 0;
          END LOOP rounds;
          IF v_bound IS NOT NULL AND v_wanted > 0 THEN
            v_from := v_bound; v_rest := 0;
          ELSIF NOT v_alone AND v_last IS NOT NULL THEN
            v_from := g_partitions[s_first[v_last]];
            v_rest := CASE WHEN s_spent[v_last] THEN 0 ELSE v_last_left END;
          END IF;
          v_behind := coalesce(v_step, v_behind);
          IF NOT v_alone OR v_step IS NOT NULL THEN
            t_queues[v_spot] := v_queue; t_levels[v_spot] := v_level;
            t_partitions[v_spot] := v_from; t_lanes[v_spot] := CASE WHEN v_alone THEN v_behind ELSE -1 END; t_lefts[v_spot] := v_rest;
          END IF;
          v_more := v_more OR v_cut OR v_left = 0 AND (v_bound IS NOT NULL OR v_step IS NOT NULL OR false = ANY (s_spent));
          EXIT passes WHEN v_cut;
          EXIT WHEN v_bound IS NULL AND v_step IS NULL;
        END LOOP;
        -- there are lanes that it did not come by
        IF v_wanted > 0 AND v_groups > 0 AND (v_bound IS NOT NULL OR v_step IS NOT NULL) THEN
          IF cardinality(v_taken) > 0 THEN v_more := true; ELSE v_again := least(v_again, p_now + ${AGAIN_MS}); END IF;
        END IF;
      END LOOP;
    END LOOP passes;
  END LOOP;
  IF v_more AND NOT v_cut AND v_moved < 1000 THEN
    v_more := (SELECT true FROM unnest(v_served) AS q(key) CROSS JOIN unnest(p_routes) AS r(route) CROSS JOIN LATERAL (
      SELECT 1 FROM home.live t WHERE t.place = 1 AND t.queue = q.key AND t.route = r.route LIMIT 1) AS x LIMIT 1) IS NOT NULL;
  END IF;
  IF v_cut OR v_more THEN
    v_next := 0;
  ELSE
    SELECT CASE WHEN count(*) > 0 THEN greatest(min(l.run_at) - p_now, 0) END INTO v_next
    FROM unnest(v_served) AS q(key) CROSS JOIN unnest(p_routes) AS r(key)
    CROSS JOIN LATERAL (
      SELECT t.run_at FROM home.live t WHERE t.place = 2 AND t.queue = q.key AND t.route = r.key ORDER BY t.run_at LIMIT 1
    ) AS l;
    IF v_again IS NOT NULL THEN
      v_next := least(v_next, greatest(ceil(v_again)::bigint - p_now, 0));
    END IF;
  END IF;
  IF true = ANY (k_changed) THEN
    UPDATE home.limit_keys u SET used = x.used, arrival_at = x.arrival
    FROM unnest(k_ids, k_used, k_arrivals, k_changed) AS x(id, used, arrival, changed) WHERE x.changed AND u.id = x.id;
  END IF;
  IF cardinality(v_taken) > 0 THEN
    IF p_again THEN
      INSERT INTO home.claims AS c (session, nonce, ids) VALUES (p_session, p_nonce, v_taken)
      ON CONFLICT (session, nonce) DO UPDATE SET ids = c.ids || excluded.ids;
    ELSE
      INSERT INTO home.claims(session, nonce, ids) VALUES (p_session, p_nonce, v_taken);
    END IF;
  END IF;
  RETURN QUERY SELECT 0, NULL::uuid, v_next, NULL::bigint, p_now, NULL::bigint, NULL::bigint, NULL::integer, NULL::integer, NULL::integer,
    NULL::integer, 1::smallint, NULL, NULL::bytea, NULL, NULL::bytea,
    (SELECT string_agg(concat_ws('.', s.queue, s.level, s.partition, s.lane, s.rest), ',' ORDER BY s.n DESC)
      FROM unnest(t_queues, t_levels, t_partitions, t_lanes, t_lefts) WITH ORDINALITY AS s(queue, level, partition, lane, rest, n));
END $$;`
