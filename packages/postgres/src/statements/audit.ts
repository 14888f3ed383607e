/**
 * Statements that compare what is kept beside the tasks with them. Each looks at so many rows of one table behind a place, by
 * its primary key, all at one moment. In: the place, how many, when the audit began: what came later is for the next one, or an
 * audit might never end. Out, for every row: its place, and a code with what is said
 * of it (subject and detail), or NULL if nothing is wrong; last what mending it needs.
 *
 * LIMIT 1 keeps Postgres from looking at the whole of another table at once.
 */

/** Of the task t: it may be claimed, now or later, and is the first of its series if it is in one. 34 are those held or in a series, 96 of these the ones that are late. */
const STANDS = `(t.state = 1 AND t.flags & 2 = 0 AND (t.flags & 32 = 0 OR t.flags & 64 = 0 AND
    (SELECT 1 FROM home.live o WHERE o.queue = t.queue AND o.partition = t.partition AND o.flags & 96 = 32 AND o.seq < t.seq LIMIT 1) IS NULL))`

/** Whoever delivers looks after this series. */
const LOOKED_AFTER = `(t.flags & 32 > 0 AND
    (SELECT 1 FROM home.late_series s WHERE s.queue = t.queue AND s.partition = t.partition LIMIT 1) IS NOT NULL)`

const CLAIMED = `(SELECT 1 FROM home.claims c WHERE c.session = t.session AND c.nonce = t.nonce AND t.id = ANY (c.ids) LIMIT 1)`

/** Of each live task: where it stands, what holds its claim, and whether it is there once. Last: what is wrong, for MEND_TASK. */
export const TASKS: string = `
WITH t AS MATERIALIZED (
  SELECT id, seq, queue, partition, state, flags, place, ord, due_by, run_at, expires_at, session, nonce, unique_key
  FROM home.live WHERE id > $1::uuid AND enqueued_at <= $3::bigint ORDER BY id LIMIT $2::integer
), wrong AS MATERIALIZED (
  SELECT t.*, CASE
    WHEN (SELECT 1 FROM home.final f WHERE f.id = t.id LIMIT 1) IS NOT NULL THEN 'twice'
    WHEN t.place = 0 AND ${STANDS} AND NOT ${LOOKED_AFTER} THEN 'nowhere'
    WHEN t.place > 0 AND NOT ${STANDS} AND NOT ${LOOKED_AFTER} THEN 'in line'
    WHEN t.place > 0 AND t.ord <> coalesce(t.due_by, t.run_at) THEN 'out of order'
    WHEN t.state = 2 AND t.expires_at IS NOT NULL THEN 'expiring'
    WHEN t.state = 2 AND (t.session IS NULL OR t.nonce IS NULL OR ${CLAIMED} IS NULL) THEN 'unclaimed'
    WHEN t.state = 2 AND t.unique_key IS NOT NULL AND t.flags & 128 > 0 THEN 'key'
  END AS what FROM t
)
SELECT id::text,
  CASE WHEN what IN ('twice', 'nowhere', 'out of order') THEN 'lost-place' WHEN what IN ('in line', 'expiring') THEN 'stray-place'
    WHEN what = 'unclaimed' THEN 'lost-claim' WHEN what = 'key' THEN 'stray-key' END,
  CASE what WHEN 'key' THEN unique_key ELSE id::text END,
  CASE what WHEN 'twice' THEN 'it is among what has ended, too' WHEN 'nowhere' THEN 'in line' WHEN 'out of order' THEN 'in its order'
    WHEN 'in line' THEN 'the line' WHEN 'expiring' THEN 'the order of what expires' ELSE id::text END,
  what
FROM wrong ORDER BY wrong.id`

/** By what is wrong with a task. In: id, store time. Effect: it is not so, if it was. What somebody has locked is left as it is. */
export const MEND_TASK: Readonly<Record<string, string>> = {
  nowhere: mendOf(
    `place = CASE WHEN t.run_at <= $2::bigint THEN 1 ELSE 2 END`,
    `t.place = 0 AND ${STANDS} AND NOT ${LOOKED_AFTER}`,
  ),
  'in line': mendOf('place = 0', `t.place > 0 AND NOT ${STANDS} AND NOT ${LOOKED_AFTER} AND $2::bigint > 0`),
  'out of order': mendOf('ord = coalesce(t.due_by, t.run_at)', 't.place > 0 AND $2::bigint > 0'),
  expiring: mendOf('expires_at = NULL', 't.state = 2 AND $2::bigint > 0'),
  key: mendOf('unique_key = NULL', 't.state = 2 AND t.flags & 128 > 0 AND $2::bigint > 0'),
  unclaimed: `
WITH t AS MATERIALIZED (
  SELECT l.id, l.session, l.nonce FROM home.live l WHERE l.id = $1::uuid AND l.state = 2 AND $2::bigint > 0 FOR UPDATE SKIP LOCKED
)
INSERT INTO home.claims AS k (session, nonce, ids)
SELECT t.session, t.nonce, ARRAY[t.id] FROM t WHERE t.session IS NOT NULL AND t.nonce IS NOT NULL AND ${CLAIMED} IS NULL
ON CONFLICT (session, nonce) DO UPDATE SET ids = k.ids || excluded.ids`,
}

function mendOf(set: string, where: string): string {
  return `
UPDATE home.live t SET ${set}
WHERE t.id = (SELECT l.id FROM home.live l WHERE l.id = $1::uuid FOR UPDATE SKIP LOCKED) AND ${where}`
}

/** Of each blocked task: whether it waits for as much as it says, and for a gate that is there. 3 are triggers. */
export const BLOCKED: string = `
WITH t AS MATERIALIZED (
  SELECT id, state, blockers, triggers, gate FROM home.live WHERE id > $1::uuid AND enqueued_at <= $3::bigint ORDER BY id LIMIT $2::integer
), c AS MATERIALIZED (
  SELECT t.*,
    CASE WHEN t.state = 0 THEN
      (SELECT count(*) FROM home.edges e WHERE e.child = t.id AND e.open AND e.if_failed <> 3) + t.triggers + (t.gate IS NOT NULL)::integer END AS waits,
    CASE WHEN t.state = 0 THEN (SELECT count(*) FROM home.edges e WHERE e.child = t.id AND e.open AND e.if_failed = 3) END AS open_triggers
  FROM t
)
SELECT c.id::text,
  CASE WHEN c.state <> 0 THEN NULL WHEN c.waits <> c.blockers OR c.triggers NOT IN (0, c.open_triggers) THEN 'wait-count'
    WHEN c.gate IS NOT NULL AND (SELECT 1 FROM home.gates g WHERE g.key = c.gate LIMIT 1) IS NULL THEN 'orphaned-edge' END,
  c.id::text, CASE WHEN c.waits <> c.blockers OR c.triggers NOT IN (0, c.open_triggers)
    THEN 'it says ' || c.blockers || ', and it is ' || c.waits ELSE 'a gate' END
FROM c ORDER BY c.id`

/** Whether the parent of the edge e is to be told of it still, or somebody is to be told of its end. */
const UNTOLD = `(SELECT 1 FROM home.outbox o WHERE o.parent = e.parent AND o.until >= e.seq LIMIT 1) IS NULL
      AND (SELECT 1 FROM home.late_edges l WHERE l.edge = e.seq LIMIT 1) IS NULL`

/** Of each edge: whether its child lives, and whether a blocked child will be told. Last: what is wrong, for MEND_EDGE. */
export const EDGES: string = `
WITH e AS MATERIALIZED (
  SELECT parent, child, if_failed, open, seq FROM home.edges
  WHERE (parent, child) > ($1::uuid, $2::uuid) AND (SELECT c.enqueued_at FROM home.live c WHERE c.id = child AND c.enqueued_at > $4::bigint LIMIT 1) IS NULL
  ORDER BY parent, child LIMIT $3::integer
), ends AS MATERIALIZED (
  SELECT e.*, (SELECT c.state FROM home.live c WHERE c.id = e.child LIMIT 1) AS child_state,
    (SELECT c.triggers FROM home.live c WHERE c.id = e.child LIMIT 1) AS triggers,
    (SELECT p.flags FROM home.live p WHERE p.id = e.parent LIMIT 1) AS parent_flags FROM e
), wrong AS MATERIALIZED (
  SELECT e.*, CASE WHEN child_state IS NULL THEN 'no child'
    WHEN NOT e.open OR child_state <> 0 OR if_failed = 3 AND triggers = 0 THEN NULL
    WHEN parent_flags IS NULL AND ${UNTOLD} THEN
      CASE WHEN (SELECT 1 FROM home.final f WHERE f.id = e.parent LIMIT 1) IS NULL THEN 'no parent' ELSE 'ended' END
    WHEN parent_flags & 4 = 0 AND ${UNTOLD} THEN 'unknown' END AS what FROM ends e
)
SELECT parent::text, child::text, CASE what WHEN 'no child' THEN 'stray-edge' ELSE CASE WHEN what IS NULL THEN NULL ELSE 'orphaned-edge' END END,
  child::text, parent::text, what FROM wrong ORDER BY wrong.parent, wrong.child`

/** By what is wrong with an edge. In: parent, child. Effect: it is not so, if it was. */
export const MEND_EDGE: Readonly<Record<string, string>> = {
  'no child': `
DELETE FROM home.edges e WHERE e.parent = $1::uuid AND e.child = $2::uuid
AND (SELECT 1 FROM home.live c WHERE c.id = e.child LIMIT 1) IS NULL`,
  ended: `
INSERT INTO home.outbox(parent, until, succeeded)
SELECT e.parent, e.seq, f.state = 4 FROM home.edges e JOIN home.final f ON f.id = e.parent
WHERE e.parent = $1::uuid AND e.child = $2::uuid AND e.open ON CONFLICT (parent, until) DO NOTHING`,
  unknown: `
UPDATE home.live p SET flags = p.flags | 4 WHERE p.id = (SELECT l.id FROM home.live l WHERE l.id = $1::uuid FOR UPDATE SKIP LOCKED)
AND (SELECT 1 FROM home.edges e WHERE e.parent = $1::uuid AND e.child = $2::uuid AND e.open LIMIT 1) IS NOT NULL`,
}

/** Of each record of a claim: whether anybody knows whose it is. Those of which nothing runs any more renewals and take-overs clear away. */
export const CLAIMS: string = `
SELECT c.session, c.nonce::text,
  CASE WHEN (SELECT 1 FROM home.sessions s WHERE s.key = c.session LIMIT 1) IS NULL
    AND (SELECT 1 FROM home.live t WHERE t.id = ANY (c.ids) AND t.state = 2 AND t.session = c.session AND t.nonce = c.nonce LIMIT 1) IS NULL
  THEN 'stray-claim' END,
  coalesce(c.ids[1]::text, 'nobody'), ''
FROM home.claims c WHERE (c.session, c.nonce) > ($1::integer, $2::bigint) AND $4::bigint > 0 ORDER BY c.session, c.nonce LIMIT $3::integer`

/** In: session, nonce. Effect: the record is gone, if its session is. */
export const DROP_CLAIM = `
DELETE FROM home.claims c WHERE c.session = $1::integer AND c.nonce = $2::bigint
AND (SELECT 1 FROM home.sessions s WHERE s.key = c.session LIMIT 1) IS NULL`

/** Of what is used: whether the limit is there, and whether so much of it runs. */
export const LIMIT_KEYS: string = `
WITH counted AS MATERIALIZED (
  SELECT k.id, count(*)::integer AS runs FROM (
    SELECT t.counted FROM home.claims c CROSS JOIN LATERAL unnest(c.ids) AS i(id)
    JOIN home.live t ON t.id = i.id AND t.state = 2 AND t.nonce = c.nonce AND t.session = c.session
    UNION ALL SELECT s.counted FROM home.late_slots s
  ) AS r CROSS JOIN LATERAL unnest(r.counted::integer[]) AS k(id) WHERE r.counted IS NOT NULL GROUP BY k.id
)
SELECT u.id, CASE WHEN (SELECT 1 FROM home.limits l WHERE l.name = u.name LIMIT 1) IS NULL THEN 'stray-limit'
    WHEN u.used <> coalesce(c.runs, 0) THEN 'limit-count' END,
  rtrim(u.name || ' ' || u.key), u.used || ' are counted, and ' || coalesce(c.runs, 0) || ' run'
FROM home.limit_keys u LEFT JOIN counted c ON c.id = u.id WHERE u.id > $1::integer AND $3::bigint > 0 ORDER BY u.id LIMIT $2::integer`

/** In: id. Effect: nothing is known of that use, if its limit is gone. */
export const DROP_LIMIT_KEY = `
DELETE FROM home.limit_keys u WHERE u.id = $1::integer AND (SELECT 1 FROM home.limits l WHERE l.name = u.name LIMIT 1) IS NULL`

/** Effect: nobody empties a table of what has ended as a whole while it is counted: a snapshot would not tell. */
export const HOLD_FINAL = 'LOCK TABLE home.final IN ACCESS SHARE MODE'

/** Out: about how many tasks have ended. */
export const ABOUT_FINAL: string = `
SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'home.final'::regclass`

const VOLUMES_OF = `
says AS (
  SELECT v.state, sum(v.tasks)::bigint AS tasks, sum(v.bytes)::bigint AS bytes FROM home.volumes v WHERE v.queue = $1::integer GROUP BY v.state
), has AS (
  SELECT f.state, count(*) AS tasks, sum(f.bytes)::bigint AS bytes FROM home.final f WHERE f.queue = $1::integer GROUP BY f.state
), differs AS (
  SELECT coalesce(s.state, h.state) AS state, coalesce(s.tasks, 0) AS says, coalesce(h.tasks, 0) AS has,
    coalesce(s.bytes, 0) AS says_bytes, coalesce(h.bytes, 0) AS has_bytes FROM says s FULL JOIN has h ON h.state = s.state
  WHERE coalesce(s.tasks, 0) <> coalesce(h.tasks, 0) OR coalesce(s.bytes, 0) <> coalesce(h.bytes, 0)
)`

/** In: queue. Out: the queue's name, and what its volumes say and what it has, where that is not the same. */
export const VOLUMES: string = `
WITH ${VOLUMES_OF}
SELECT q.name, string_agg('it says ' || d.says || ' (' || d.says_bytes || ' bytes) ' ||
  CASE d.state WHEN 4 THEN 'succeeded' WHEN 5 THEN 'failed' ELSE 'cancelled' END || ', and has ' || d.has || ' (' || d.has_bytes || ' bytes)', '; ' ORDER BY d.state)
FROM home.queues q LEFT JOIN differs d ON true WHERE q.key = $1::integer GROUP BY q.name`

/** In: queue. Effect: the volumes say what it has. */
export const MEND_VOLUMES: string = `
WITH ${VOLUMES_OF}
INSERT INTO home.volumes(queue, state, tasks, bytes)
SELECT $1::integer, state, has - says, has_bytes - says_bytes FROM differs`

/** In: queue. Out: the next one. */
export const NEXT_QUEUE = 'SELECT min(key) FROM home.queues WHERE key > $1::integer'

/** In: the schema. Out: version; names of tables, of valid and of broken indexes, of functions; tables without autovacuum. */
export const SCHEMA_THERE: string = `
SELECT (SELECT version FROM home.about),
  (SELECT json_agg(c.relname) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p'))::text,
  (SELECT json_agg(c.relname) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = n.oid AND i.indisvalid AND i.indisready)::text,
  (SELECT json_agg(c.relname) FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE c.relnamespace = n.oid AND NOT (i.indisvalid AND i.indisready))::text,
  (SELECT json_agg(p.proname) FROM pg_proc p WHERE p.pronamespace = n.oid)::text,
  (SELECT json_agg(c.relname) FROM pg_class c WHERE c.relnamespace = n.oid AND 'autovacuum_enabled=false' = ANY (c.reloptions))::text
FROM pg_namespace n WHERE n.nspname = $1`

/** Out: fsync, full_page_writes, synchronous_commit, autovacuum. */
export const SETTINGS_THERE: string = `
SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_setting('autovacuum')`

/** Out: connections, how many ordinary users may have; ages in seconds of the oldest transaction and of the oldest prepared one, or NULL; slots that hold back cleaning; whether others' transactions are hidden. */
export const PRESSURE: string = `
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
  (SELECT extract(epoch FROM max(clock_timestamp() - xact_start))::bigint FROM pg_stat_activity WHERE backend_type = 'client backend'),
  (SELECT extract(epoch FROM max(clock_timestamp() - prepared))::bigint FROM pg_prepared_xacts),
  (SELECT count(*) FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)),
  (SELECT bool_or(query = '<insufficient privilege>') FROM pg_stat_activity)`
