/**
 * Statements that compare what is kept beside the tasks with them. Each looks at so many rows of one table behind a place,
 * by its primary key or an index. In: the place, how many, the last seq to look at: what comes later is for the next audit. Out, for every row: its place, and a code with what is said of it
 * (subject and detail), or NULL if nothing is wrong.
 */

const NOT_RUNNING = 'NOT EXISTS (SELECT 1 FROM running r WHERE r.seq = t.seq)'

/** Nobody is before it in strict order. */
const FIRST = `NOT EXISTS (
    SELECT 1 FROM series s JOIN series o ON o.queue = s.queue AND o.partition = s.partition AND o.place < s.place WHERE s.seq = t.seq)`

/** It asks for strict order, and is not in it. */
const OUT_OF_SERIES = `t.lane > 0 AND NOT EXISTS (SELECT 1 FROM series s WHERE s.seq = t.seq)
      AND (SELECT l.lane ->> '$[1]' FROM lanes l WHERE l.key = t.lane) = 1`

const PARTITION = 'ifnull((SELECT l.partition FROM lanes l WHERE l.key = t.lane), 0)'

const idOf = (seq: string): string =>
  `ifnull((SELECT lower(hex(x.id)) FROM tasks x WHERE x.seq = ${seq}), 'number ' || ${seq})`

/** What came since the audit began is for the next one, or an audit might never end. What no task has ever had for a number is looked at. */
const notNew = (seq: string, last: string): string =>
  `(${seq} <= ${last} OR ${seq} > ifnull((SELECT max(x.seq) FROM tasks x), 0))`

/** Of each task: whether it stands in line, and once, if it is to; in its series; whether its payload is there. */
export const TASKS: string = `
SELECT t.seq,
  CASE
    WHEN t.state >= 4 THEN NULL
    WHEN ${OUT_OF_SERIES} THEN 'lost-place'
    WHEN t.state = 1 AND t.held = 0 AND ${NOT_RUNNING} AND ${FIRST} AND (
      EXISTS (SELECT 1 FROM ready d WHERE d.queue = t.queue AND d.route = t.route AND d.level = t.level
        AND d.partition = ${PARTITION} AND d.lane = t.lane AND d.ord = ifnull(t.due_by, t.run_at) AND d.seq = t.seq)
      + EXISTS (SELECT 1 FROM later d WHERE d.queue = t.queue AND d.route = t.route AND d.run_at = t.run_at AND d.seq = t.seq)) <> 1
    THEN 'lost-place'
    WHEN t.extra & 4 AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.key = t.seq * 4) THEN 'lost-payload'
  END,
  lower(hex(t.id)), iif(${OUT_OF_SERIES}, 'in strict order', 'in line')
FROM tasks t WHERE t.seq > ?1 AND ${notNew('t.seq', '?3')} ORDER BY t.seq LIMIT CAST(?2 AS INTEGER)`

/** Of each blocked task: whether it waits for as much as it says, and for a gate that is there. 3 are triggers. */
export const BLOCKED: string = `
WITH ids AS MATERIALIZED (
  SELECT * FROM (SELECT t.queue, t.seq FROM tasks t WHERE t.state = 0 AND t.queue = ?1 AND t.seq > ?2 AND ${notNew('t.seq', '?4')}
    ORDER BY t.seq LIMIT CAST(?3 AS INTEGER))
  UNION ALL
  SELECT * FROM (SELECT t.queue, t.seq FROM tasks t WHERE t.state = 0 AND t.queue > ?1 AND ${notNew('t.seq', '?4')}
    ORDER BY t.queue, t.seq LIMIT CAST(?3 AS INTEGER))
  LIMIT CAST(?3 AS INTEGER)
), page AS MATERIALIZED (
  SELECT t.queue, t.seq, t.id, t.blockers, t.triggers, t.gate,
    (SELECT count(*) FROM edges e WHERE e.child = t.seq AND e.open = 1 AND e.if_failed <> 3) + t.triggers + (t.gate IS NOT NULL) AS waits,
    (SELECT count(*) FROM edges e WHERE e.child = t.seq AND e.open = 1 AND e.if_failed = 3) AS triggers_open
  FROM ids i CROSS JOIN tasks t ON t.seq = i.seq ORDER BY t.queue, t.seq
)
SELECT queue, seq,
  CASE
    WHEN waits <> blockers OR triggers NOT IN (0, triggers_open) THEN 'wait-count'
    WHEN gate IS NOT NULL AND NOT EXISTS (SELECT 1 FROM gates g WHERE g.key = gate) THEN 'orphaned-edge'
  END,
  lower(hex(id)), iif(waits <> blockers OR triggers NOT IN (0, triggers_open), 'it says ' || blockers || ', and it is ' || waits, 'a gate')
FROM page ORDER BY queue, seq`

/** Of each key: whether a task holds it that runs, and was to let it go. */
export const KEYS: string = `
SELECT t.unique_key, iif(substr(t.key_terms, 1, 1) = 'w' AND NOT ${NOT_RUNNING}, 'stray-key', NULL), t.unique_key, lower(hex(t.id))
FROM tasks t
WHERE t.unique_key IS NOT NULL AND t.state < 4 AND t.unique_key > ?1 AND ${notNew('t.seq', '?3')} ORDER BY t.unique_key LIMIT CAST(?2 AS INTEGER)`

/** In: unique key. Effect: nobody holds it. */
export const DROP_KEY = 'UPDATE tasks SET unique_key = NULL WHERE unique_key = ? AND state < 4'

/** Of each place in line: whether that task stands there. */
export const READY: string = `
SELECT d.queue, d.route, d.level, d.partition, d.lane, d.ord, d.seq,
  iif(EXISTS (
    SELECT 1 FROM tasks t WHERE t.seq = d.seq AND t.state = 1 AND t.held = 0 AND t.queue = d.queue AND t.route = d.route AND t.level = d.level
      AND d.partition = ${PARTITION} AND t.lane = d.lane AND ifnull(t.due_by, t.run_at) = d.ord AND ${NOT_RUNNING} AND ${FIRST}
  ), NULL, 'stray-place'), ${idOf('d.seq')}, 'the line of what is ready'
FROM ready d WHERE (d.queue, d.route, d.level, d.partition, d.lane, d.ord, d.seq) > (?1, ?2, ?3, ?4, ?5, ?6, ?7) AND ${notNew('d.seq', '?9')}
ORDER BY d.queue, d.route, d.level, d.partition, d.lane, d.ord, d.seq LIMIT CAST(?8 AS INTEGER)`

/** The same of what is due later. */
export const LATER: string = `
SELECT d.queue, d.route, d.run_at, d.seq,
  iif(EXISTS (
    SELECT 1 FROM tasks t WHERE t.seq = d.seq AND t.state = 1 AND t.held = 0 AND t.queue = d.queue AND t.route = d.route AND t.run_at = d.run_at
      AND ${NOT_RUNNING} AND ${FIRST}
  ), NULL, 'stray-place'), ${idOf('d.seq')}, 'the line of what is due later'
FROM later d WHERE (d.queue, d.route, d.run_at, d.seq) > (?1, ?2, ?3, ?4) AND ${notNew('d.seq', '?6')}
ORDER BY d.queue, d.route, d.run_at, d.seq LIMIT CAST(?5 AS INTEGER)`

/** Of each task in strict order: whether it lives. */
export const SERIES: string = `
SELECT s.queue, s.partition, s.place, iif(EXISTS (SELECT 1 FROM tasks t WHERE t.seq = s.seq AND t.state < 4), NULL, 'stray-place'),
  ${idOf('s.seq')}, 'a series', s.seq
FROM series s WHERE (s.queue, s.partition, s.place) > (?1, ?2, ?3) AND ${notNew('s.seq', '?5')} ORDER BY s.queue, s.partition, s.place LIMIT CAST(?4 AS INTEGER)`

/** Of each edge: whether its child lives, and whether a blocked child will be told of its parent. Last: how the parent ended, or NULL. */
export const EDGES: string = `
SELECT e.parent, e.open, e.child,
  CASE
    WHEN c.seq IS NULL OR c.state >= 4 THEN 'stray-edge'
    WHEN e.open = 1 AND c.state = 0 AND (e.if_failed <> 3 OR c.triggers > 0) AND (p.seq IS NULL OR p.state >= 4)
      AND NOT EXISTS (SELECT 1 FROM undelivered u WHERE u.parent = e.parent AND u.until >= e.child) THEN 'orphaned-edge'
  END,
  ${idOf('e.child')}, ${idOf('e.parent')}, p.state = 4
FROM edges e LEFT JOIN tasks c ON c.seq = e.child LEFT JOIN tasks p ON p.seq = e.parent
WHERE (e.parent, e.open, e.child) > (?1, ?2, ?3) AND ${notNew('e.child', '?5')} ORDER BY e.parent, e.open, e.child LIMIT CAST(?4 AS INTEGER)`

/** In: parent, open, child. Effect: the edge is gone. */
export const DROP_EDGE = 'DELETE FROM edges WHERE parent = ? AND open = ? AND child = ?'

/** Of each claim: whether its task is there, and does not say that it does something else. */
export const RUNNING: string = `
SELECT r.seq, iif(EXISTS (SELECT 1 FROM tasks t WHERE t.seq = r.seq AND t.state = 1), NULL, 'stray-claim'), ${idOf('r.seq')}, ''
FROM running r WHERE r.seq > ?1 AND ${notNew('r.seq', '?3')} ORDER BY r.seq LIMIT CAST(?2 AS INTEGER)`

/** Of what is kept apart: whether its task is there. */
export const PAYLOADS: string = `
SELECT p.key, iif(EXISTS (SELECT 1 FROM tasks t WHERE t.seq = p.key / 4), NULL, 'stray-payload'), 'number ' || (p.key / 4), 'data'
FROM payloads p WHERE p.key > ?1 AND ${notNew('p.key / 4', '?3')} ORDER BY p.key LIMIT CAST(?2 AS INTEGER)`

/** Of progress and logs: whether their task is there. */
export const NOTES: string = `
SELECT n.seq, iif(EXISTS (SELECT 1 FROM tasks t WHERE t.seq = n.seq), NULL, 'stray-payload'), 'number ' || n.seq, 'a log'
FROM notes n WHERE n.seq > ?1 AND ${notNew('n.seq', '?3')} ORDER BY n.seq LIMIT CAST(?2 AS INTEGER)`

/** Of what is used: whether the limit is there, and whether so much of it runs. */
export const USAGES: string = `
WITH counted AS MATERIALIZED (
  SELECT j.value AS usage, count(*) AS runs FROM running r CROSS JOIN json_each('[' || r.counted || ']') j WHERE r.counted IS NOT NULL GROUP BY 1
)
SELECT u.key, CASE WHEN l.key IS NULL THEN 'stray-limit' WHEN u.used <> ifnull(c.runs, 0) THEN 'limit-count' END,
  ifnull(rtrim(l.name || ' ' || u.name), 'number ' || u.limit_key), u.used || ' are counted, and ' || ifnull(c.runs, 0) || ' run'
FROM usages u LEFT JOIN limits l ON l.key = u.limit_key LEFT JOIN counted c ON c.usage = u.key WHERE u.key > ?1 AND ?3 > 0 ORDER BY u.key LIMIT CAST(?2 AS INTEGER)`

/** In: key. Effect: nothing is known of that use. */
export const DROP_USAGE = 'DELETE FROM usages WHERE key = ?'

/** So many final tasks of a queue and a state are counted at most. */
export const COUNTED_MAX = 1_000_000

/** Of each queue and final state: whether the volumes say how many there are. Last: how many there are. */
export const VOLUMES: string = `
WITH page AS MATERIALIZED (
  SELECT q.key AS queue, s.value AS state, q.name,
    (SELECT ifnull(sum(v.count), 0) FROM volumes v WHERE v.queue = q.key AND v.state = s.value) AS says,
    (SELECT count(*) FROM (SELECT 1 FROM tasks t
      WHERE t.queue = q.key AND t.state = s.value AND t.state >= 4 LIMIT ${COUNTED_MAX + 1})) AS has
  FROM queues q CROSS JOIN json_each('[4,5,6]') s
  WHERE (q.key, s.value) > (?1, ?2) AND ?4 > 0 ORDER BY q.key, s.value LIMIT CAST(?3 AS INTEGER)
)
SELECT queue, state, iif(has = says OR has > ${COUNTED_MAX}, NULL, 'queue-counts'), name,
  'it says ' || says || ' ' || CASE state WHEN 4 THEN 'succeeded' WHEN 5 THEN 'failed' ELSE 'cancelled' END || ', and has ' || has, has
FROM page`

/** In: queue, state. Effect: nothing is said of what it has … */
export const DROP_VOLUMES = 'DELETE FROM volumes WHERE queue = ? AND state = ?'

/** In: queue, state. Effect: … and then what it has. */
export const COUNT_VOLUMES = `
INSERT INTO volumes(queue, state, hour, count, bytes)
SELECT queue, state, finished_at / 3600000, count(*), sum(weight + size + result_size) FROM tasks
WHERE queue = ?1 AND state = ?2 AND state >= 4 GROUP BY 3`

/** Out: all that the schema has: kind, name, how it was made. */
export const SCHEMA = "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
