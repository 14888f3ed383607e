/** What a claim in turns looks for: parts of its function, in whose variables they speak. */

/** Whether a claim is done so: a queue ever had lanes, or it or a type has a limit. */
export const TAKES_TURNS: string = `(
    EXISTS (SELECT FROM home.queues q WHERE q.name = ANY (p_queues) AND q.lanes)
    OR (SELECT true FROM home.limits LIMIT 1) AND EXISTS (
      SELECT FROM home.limits l WHERE l.name = ANY (ARRAY(
        SELECT 'queue:' || q.name FROM unnest(p_queues) AS q(name) UNION ALL SELECT 'type:' || t.name FROM unnest(p_types) AS t(name)))))`

/** What is ready in a level of one route; the rest of the condition follows. */
const READY = 't.place = 1 AND t.queue = v_queue AND t.route = r.route AND t.level = v_level'
/** The last number of a partition or a lane. */
export const BEHIND_ALL = '9223372036854775807'
const HOP = 't.partition, t.lane, t.ord, t.seq, t.run_at, t.lane_text'
const IN_ORDER = 'ORDER BY t.partition, t.lane, t.ord, t.seq LIMIT 1'

/**
 * The heads of lanes, from a spot on round the ring of partitions, so many hops for each route at most. Of a partition so
 * many lanes at most: the first, and those behind one that is another with each look, round to it. Only the first
 * partition may be looked at in part: behind it, one that the hops do not suffice for is left to the next look.
 */
export const SURVEY: string = `
          WITH found AS MATERIALIZED (
            SELECT r.route, h.* FROM unnest(p_routes) AS r(route) CROSS JOIN LATERAL (
              WITH RECURSIVE hop(lap, partition, lane, ord, seq, run_at, lane_text, n, m, head, wrap) AS (
                SELECT x.*, 1, 1, x.lane, 0 FROM (
                  (SELECT 0 AS lap, ${HOP} FROM home.live t WHERE ${READY} AND t.partition > v_end ${IN_ORDER})
                  UNION ALL
                  (SELECT 1, ${HOP} FROM home.live t WHERE ${READY} AND t.partition <= v_end ${IN_ORDER})
                  LIMIT 1
                ) AS x
                UNION ALL
                SELECT y.lap, y.partition, y.lane, y.ord, y.seq, y.run_at, y.lane_text, hop.n + 1, y.m, y.head, y.wrap FROM hop CROSS JOIN LATERAL (
                  (SELECT hop.lap, ${HOP}, hop.m + 1 AS m, hop.head, 0 AS wrap FROM home.live t
                    WHERE hop.m < v_window AND hop.wrap = 0 AND ${READY} AND t.partition = hop.partition AND t.lane > greatest(hop.lane, v_behind) ${IN_ORDER})
                  UNION ALL
                  (SELECT hop.lap, ${HOP}, hop.m + 1, hop.head, 1 FROM home.live t
                    WHERE hop.m < v_window AND ${READY} AND t.partition = hop.partition
                      AND t.lane > CASE hop.wrap WHEN 0 THEN hop.head ELSE hop.lane END AND t.lane <= v_behind ${IN_ORDER})
                  UNION ALL
                  (SELECT hop.lap, ${HOP}, 1, t.lane, 0 FROM home.live t
                    WHERE ${READY} AND t.partition > hop.partition AND t.partition <= CASE hop.lap WHEN 0 THEN ${BEHIND_ALL} ELSE v_end END ${IN_ORDER})
                  UNION ALL
                  (SELECT 1, ${HOP}, 1, t.lane, 0 FROM home.live t WHERE hop.lap = 0 AND ${READY} AND t.partition <= v_end ${IN_ORDER})
                  LIMIT 1
                ) AS y WHERE hop.n < v_hops
              ) SELECT * FROM hop
            ) AS h
          ), ends AS (
            SELECT min(ARRAY[f.lap, f.partition]) AS head, min(ARRAY[f.lap, f.partition]) FILTER (WHERE f.n = v_hops) AS cut, max(f.n) AS hops FROM found f
          )
          SELECT array_agg(s.route), array_agg(s.partition), array_agg(s.lane), array_agg(s.lane_text), array_agg(s.weight), array_agg(s.wait), array_agg(s.run_at + s.wait), array_agg(s.wait > 0 AND s.run_at + s.wait > p_now),
            array_agg(CASE WHEN s.m = v_window OR s.n = v_hops THEN s.wrap END), min(s.hops), bool_or(s.cut IS NOT NULL)
          INTO g_routes, g_partitions, g_lanes, g_texts, g_weights, g_waits, g_spills, g_spent, g_ends, v_hops, v_short
          FROM (
            SELECT f.*, coalesce(w.weight, 1) AS weight, CASE WHEN f.lane_text::json -> 3 IS NULL THEN 0 ELSE
                (f.lane_text::json ->> 4)::bigint * coalesce((
                  SELECT o.n - 1 FROM json_array_elements_text(f.lane_text::json -> 3) WITH ORDINALITY AS o(offer, n)
                  WHERE o.offer = ANY (p_offers) ORDER BY o.n LIMIT 1), json_array_length(f.lane_text::json -> 3)) END AS wait, e.cut, e.hops
            FROM found f CROSS JOIN ends e LEFT JOIN home.partitions w ON w.number = f.partition
            WHERE e.cut IS NULL OR ARRAY[f.lap, f.partition] < e.cut OR ARRAY[f.lap, f.partition] = e.head
            ORDER BY f.lap, f.partition, f.ord, f.seq
          ) AS s`

/** The partitions of what was found, which is in their order, and whether there is another one. */
export const PARTITIONS: string = `
          v_bound := CASE WHEN v_short THEN g_partitions[v_groups] END;
          v_partitions := 0; s_turns := '{}'; s_first := '{}'; s_last := '{}'; s_spent := '{}'; s_cut := '{}';
          FOR n IN 1 .. v_groups LOOP
            IF n = 1 OR g_partitions[n] <> g_partitions[n - 1] THEN
              v_partitions := v_partitions + 1;
              s_turns[v_partitions] := p_quantum * g_weights[n];
              s_first[v_partitions] := n;
              s_spent[v_partitions] := true;
              s_cut[v_partitions] := false;
            END IF;
            s_last[v_partitions] := n;
            IF g_ends[n] IS NOT NULL THEN
              s_cut[v_partitions] := true;
              IF v_step IS NULL OR (g_ends[n], g_lanes[n]) < (v_wrap, v_step) THEN
                v_wrap := g_ends[n]; v_step := g_lanes[n];
              END IF;
            END IF;
            IF g_spent[n] THEN
              v_again := least(v_again, g_spills[n]);
            ELSE
              s_spent[v_partitions] := false;
            END IF;
          END LOOP;
          v_alone := v_partitions = 1;
          IF v_alone AND v_bound IS NOT NULL THEN
            v_alone := (SELECT true FROM unnest(p_routes) AS r(route) CROSS JOIN LATERAL (
              (SELECT 1 FROM home.live t WHERE ${READY} AND t.partition > v_bound LIMIT 1)
              UNION ALL (SELECT 1 FROM home.live t WHERE ${READY} AND t.partition < v_bound LIMIT 1)) AS x LIMIT 1) IS NULL;
            IF v_alone THEN v_bound := NULL; END IF;
          END IF;`

/** For each lane that was found, the limits that it counts under, what is allowed there and what was used. */
export const KEYS: string = `
            SELECT g.n::integer AS n, x.name, x.key, x.cost, x.pos, l.concurrency, l.unit_ms, l.burst, u.id,
              greatest(l.shut_until, coalesce(u.shut_until, 0)) AS shut, coalesce(u.used, 0) AS used, coalesce(u.arrival_at, 0) AS arrival
            FROM unnest(g_routes, g_texts) WITH ORDINALITY AS g(route, text, n)
            CROSS JOIN LATERAL (
              SELECT 'queue:' || p_queues[i] AS name, '' AS key, 1 AS cost, -1 AS pos
              UNION ALL SELECT 'type:' || r.type, '', 1, -1 FROM home.routes r WHERE r.key = g.route
              UNION ALL SELECT e.v ->> 0, e.v ->> 1, (e.v ->> 2)::integer, e.n::integer - 1
                FROM json_array_elements(g.text::json -> 2) WITH ORDINALITY AS e(v, n)
            ) AS x
            JOIN home.limits l ON l.name = x.name
            LEFT JOIN home.limit_keys u ON u.name = x.name AND u.key = x.key
            ORDER BY g.n`
