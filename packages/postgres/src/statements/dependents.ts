/** Statements about edges between tasks, and about gates. */

/**
 * In: ended parents in their order, for each the last edge that is meant, how many.
 * Out: parent, child and policy of their open edges, in that order.
 */
export const OPEN_EDGES: string = `
SELECT e.parent::text, e.child::text, e.if_failed
FROM unnest($1::uuid[], $2::bigint[]) WITH ORDINALITY AS p(id, until, n)
JOIN home.edges e ON e.parent = p.id AND e.open AND e.seq <= p.until
ORDER BY p.n, e.seq LIMIT $3`

/** In: parents. Out: those of which an earlier end is in the outbox. */
export const OUT_ALREADY: string =
  'SELECT DISTINCT parent::text FROM home.outbox WHERE parent = ANY ($1::uuid[])'

/** In: parents and children, pair by pair. Effect: those edges are resolved. */
export const CLOSE_EDGES: string = `
UPDATE home.edges e SET open = false
FROM unnest($1::uuid[], $2::uuid[]) AS x(parent, child) WHERE e.parent = x.parent AND e.child = x.child`

/** In: parents, children, policies, whether each is open. Effect: the edges are there. */
export const ADD_EDGES: string = `
INSERT INTO home.edges(parent, child, if_failed, open)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::boolean[])
ON CONFLICT (parent, child) DO UPDATE SET if_failed = excluded.if_failed, open = excluded.open`

/** In: tasks. Effect: they wait for nobody, and keep nobody from being forgotten. */
export const DROP_EDGES_OF = 'DELETE FROM home.edges WHERE child = ANY ($1::uuid[])'

/**
 * In: parents, for each the last edge that is meant or NULL for all there are, whether it succeeded.
 * Effect: their dependents are told of it later. An end since which nobody came is that of an earlier one.
 */
export const PUT_OUT: string = `
INSERT INTO home.outbox(parent, until, succeeded)
SELECT x.parent, coalesce(x.until, (SELECT coalesce(max(e.seq), 0) FROM home.edges e WHERE e.parent = x.parent AND e.open)), x.succeeded
FROM unnest($1::uuid[], $2::bigint[], $3::boolean[]) AS x(parent, until, succeeded)
ON CONFLICT (parent, until) DO NOTHING`

/**
 * In: how many. Out: parents whose dependents are to be told, the last edge that is meant, whether it succeeded; the
 * ends of one parent in their order. Effect: they are taken out.
 */
export const EMPTY_OUTBOX: string = `
WITH gone AS (
  DELETE FROM home.outbox o USING (SELECT parent, until FROM home.outbox ORDER BY parent, until LIMIT $1 FOR UPDATE) AS first
  WHERE o.parent = first.parent AND o.until = first.until RETURNING o.parent::text, o.until, o.succeeded
)
SELECT * FROM gone ORDER BY parent, until`

/** Out: whether anybody is still to be told. */
export const ANY_OUT = 'SELECT EXISTS (SELECT FROM home.outbox)'

/** In: name. Out: key, when it was first named, state, when that was decided. Effect: others may not decide on it meanwhile. */
export const FIND_GATE: string = `
SELECT key, named_at, state, decided_at FROM home.gates WHERE name = $1 FOR SHARE`

/** The same for who is to decide on it. */
export const LOCK_GATE: string = `
SELECT key, named_at, state, decided_at FROM home.gates WHERE name = $1 FOR UPDATE`

/** In: name, now. Effect: the gate is there. */
export const NAME_GATE =
  'INSERT INTO home.gates(name, named_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING'

/** In: state, now, key. Effect: the gate is decided, if it was not. */
export const DECIDE_GATE = 'UPDATE home.gates SET state = $1, decided_at = $2 WHERE key = $3 AND state = 0'

/** In: when it must have been decided. Effect: gates behind which nothing waits are forgotten. */
export const FORGET_GATES: string = `
DELETE FROM home.gates g WHERE decided_at <= $1 AND NOT EXISTS (SELECT FROM home.live t WHERE t.gate = g.key)`

/** In: when it must have been named, now. Effect: gates that nobody opened are gone. */
export const LATE_GATES =
  'UPDATE home.gates SET state = 2, decided_at = $2 WHERE state = 0 AND named_at <= $1'

/** In: gate, how many. Out: tasks that wait for it. */
export const BEHIND_GATE = 'SELECT id::text FROM home.live WHERE gate = $1 ORDER BY id LIMIT $2'

/** In: state, how many. Out: tasks that wait for a gate of that state. */
export const BEHIND_GATES: string = `
SELECT t.id::text FROM home.gates g CROSS JOIN LATERAL (
  SELECT l.id FROM home.live l WHERE l.gate = g.key LIMIT $2
) t WHERE g.state = $1 LIMIT $2`

/** In: gates. Out: those that were opened. */
export const OPEN_AMONG: string = 'SELECT key FROM home.gates WHERE key = ANY ($1::integer[]) AND state = 1'
