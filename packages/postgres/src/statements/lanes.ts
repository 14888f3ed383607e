/** What a claim in turns looks for: parts of its function, in whose variables they speak. */

/** Whether a claim is done so: a queue ever had lanes, or it or a type has a limit. */
export const TAKES_TURNS: string = `(
    EXISTS (SELECT FROM home.queues q WHERE q.name = ANY (p_queues) AND q.lanes)
    OR (SELECT true FROM home.limits LIMIT 1) AND EXISTS (
      SELECT FROM home.limits l WHERE l.name = ANY (ARRAY(
        SELECT 'queue:' || q.name FROM unnest(p_queues) AS q(name) UNION ALL SELECT 'type:' || t.name FROM unnest(p_types) AS t(name)))))`

/** What is ready in a level of one route; the rest of the condition follows. */
export const READY = 't.place = 1 AND t.queue = v_queue AND t.route = r.route AND t.level = v_level'
const HOP = 't.partition, t.lane, t.ord, t.seq, t.run_at, t.lane_text'
const IN_ORDER = 'ORDER BY t.partition, t.lane, t.ord, t.seq LIMIT 1'

/**
 * The heads of lanes, from behind a spot on round the ring, so many of each route at most; what is behind the first
 * that was one too many for its route is left out.
 */
export const SURVEY: string = `
          WITH found AS MATERIALIZED (
            SELECT r.route, h.* FROM unnest(p_routes) AS r(route) CROSS JOIN LATERAL (
              WITH RECURSIVE hop(lap, partition, lane, ord, seq, run_at, lane_text, n) AS (
                SELECT x.*, 1 FROM (
                  (SELECT 0 AS lap, ${HOP} FROM home.live t WHERE ${READY} AND (t.partition, t.lane) > (v_from, v_behind) ${IN_ORDER})
                  UNION ALL
                  (SELECT 1, ${HOP} FROM home.live t WHERE ${READY} AND (t.partition, t.lane) <= (v_from, v_behind) ${IN_ORDER})
                  LIMIT 1
                ) AS x
                UNION ALL
                SELECT y.*, hop.n + 1 FROM hop CROSS JOIN LATERAL (
                  (SELECT 0 AS lap, ${HOP} FROM home.live t
                    WHERE hop.lap = 0 AND ${READY} AND (t.partition, t.lane) > (hop.partition, hop.lane) ${IN_ORDER})
                  UNION ALL
                  (SELECT 1, ${HOP} FROM home.live t WHERE hop.lap = 0 AND ${READY} AND (t.partition, t.lane) <= (v_from, v_behind) ${IN_ORDER})
                  UNION ALL
                  (SELECT 1, ${HOP} FROM home.live t WHERE hop.lap = 1 AND ${READY}
                    AND (t.partition, t.lane) > (hop.partition, hop.lane) AND (t.partition, t.lane) <= (v_from, v_behind) ${IN_ORDER})
                  LIMIT 1
                ) AS y WHERE hop.n < v_hops
              ) SELECT * FROM hop
            ) AS h
          ), bound AS (
            SELECT f.lap, f.partition, f.lane FROM found f WHERE f.n = v_hops ORDER BY f.lap, f.partition, f.lane LIMIT 1
          )
          SELECT array_agg(s.route), array_agg(s.partition), array_agg(s.lane), array_agg(s.lane_text), array_agg(s.weight), array_agg(s.spills_at), array_agg(s.spills_at > p_now),
            min(s.bound_partition), min(s.bound_lane)
          INTO g_routes, g_partitions, g_lanes, g_texts, g_weights, g_spills, g_spent, v_bound, v_bound_lane
          FROM (
            SELECT f.*, coalesce(w.weight, 1) AS weight, CASE WHEN f.lane_text::json -> 3 IS NULL THEN 0 ELSE f.run_at
                + (f.lane_text::json ->> 4)::bigint * coalesce((
                  SELECT o.n - 1 FROM json_array_elements_text(f.lane_text::json -> 3) WITH ORDINALITY AS o(offer, n)
                  WHERE o.offer = ANY (p_offers) ORDER BY o.n LIMIT 1), json_array_length(f.lane_text::json -> 3)) END AS spills_at, b.partition AS bound_partition, b.lane AS bound_lane
            FROM found f LEFT JOIN bound b ON true LEFT JOIN home.partitions w ON w.number = f.partition
            WHERE b.lap IS NULL OR (f.lap, f.partition, f.lane) <= (b.lap, b.partition, b.lane)
            ORDER BY f.lap, f.partition, f.ord, f.seq
          ) AS s`

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
