/** Statements about edges between tasks, and about gates. */

/**
 * In: ended parents in their order, how many.
 * Out: parent, child and policy of their open edges, in that order.
 */
export const OPEN_EDGES: string = `
SELECT e.parent::text, e.child::text, e.if_failed
FROM unnest($1::uuid[]) WITH ORDINALITY AS p(id, n) JOIN home.edges e ON e.parent = p.id AND e.open
ORDER BY p.n, e.child LIMIT $2`

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

/** In: parents, whether each succeeded. Effect: their dependents are told of it later. */
export const PUT_OUT: string = `
INSERT INTO home.outbox(parent, succeeded) SELECT * FROM unnest($1::uuid[], $2::boolean[])
ON CONFLICT (parent) DO UPDATE SET succeeded = excluded.succeeded`

/** In: parent. Effect: nobody is told of its end. */
export const TAKE_OUT = 'DELETE FROM home.outbox WHERE parent = $1'

/** In: how many. Out: parents whose dependents are to be told, and whether they succeeded. Effect: they are taken out. */
export const EMPTY_OUTBOX: string = `
DELETE FROM home.outbox WHERE parent = ANY (ARRAY(SELECT parent FROM home.outbox LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING parent::text, succeeded`

/** Out: whether anybody is still to be told. */
export const ANY_OUT = 'SELECT EXISTS (SELECT FROM home.outbox)'

/** In: name. Out: key, when it was first named, state, when that was decided. Effect: others may not decide on it meanwhile. */
export const FIND_GATE: string = `
SELECT key, named_at, state, decided_at FROM home.gates WHERE name = $1 FOR SHARE`

/** The same for who is to decide on it. */
export const LOCK_GATE: string = `
SELECT key, named_at, state, decided_at FROM home.gates WHERE name = $1 FOR UPDATE`

/** In: name, now. Effect: the gate is there. */
export const NAME_GATE = 'INSERT INTO home.gates(name, named_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING'

/** In: state, now, key. Effect: the gate is decided, if it was not. */
export const DECIDE_GATE = 'UPDATE home.gates SET state = $1, decided_at = $2 WHERE key = $3 AND state = 0'

/** In: when it must have been decided. Effect: gates behind which nothing waits are forgotten. */
export const FORGET_GATES: string = `
DELETE FROM home.gates g WHERE decided_at <= $1 AND NOT EXISTS (SELECT FROM home.live t WHERE t.gate = g.key)`

/** In: when it must have been named, now. Effect: gates that nobody opened are gone. */
export const LATE_GATES = 'UPDATE home.gates SET state = 2, decided_at = $2 WHERE state = 0 AND named_at <= $1'

/** In: gate, how many. Out: tasks that wait for it. */
export const BEHIND_GATE = 'SELECT id::text FROM home.live WHERE gate = $1 ORDER BY id LIMIT $2'

/** In: state, how many. Out: tasks that wait for a gate of that state. */
export const BEHIND_GATES: string = `
SELECT t.id::text FROM home.gates g CROSS JOIN LATERAL (
  SELECT l.id FROM home.live l WHERE l.gate = g.key LIMIT $2
) t WHERE g.state = $1 LIMIT $2`
