/** Statements about edges, the outbox and gates. */

/** Out: 1 if there is any edge at all. */
export const ANY_EDGES = 'SELECT EXISTS(SELECT 1 FROM edges)'

/** In: parent, 1 if open, child, policy. Effect: the edge is there. */
export const ADD_EDGE = 'INSERT OR IGNORE INTO edges(parent, open, child, if_failed) VALUES (?, ?, ?, ?)'

/** In: parent, the last child that is meant, how many at most. Out: child and policy of its open edges. */
export const OPEN_EDGES = `
SELECT child, if_failed FROM edges WHERE parent = ? AND open = 1 AND child <= ? ORDER BY child LIMIT CAST(? AS INTEGER)`

/** In: parent, the last child that was told. Effect: the edges up to it are closed, and kept. */
export const CLOSE_EDGES = 'UPDATE edges SET open = 0 WHERE parent = ? AND open = 1 AND child <= ?'

/** In: seq. Out: its parents and their policies, as JSON. */
export const PARENTS_OF = 'SELECT parents FROM tasks WHERE seq = ?'

/** In: child. Effect: its parents may go as far as it is concerned. */
export const EDGES_OF_CHILD_CLOSE = 'DELETE FROM edges WHERE child = ?'

/** In: seqs as JSON. Effect: their parents may go as far as they are concerned. */
export const EDGES_OF_CHILDREN_CLOSE = 'DELETE FROM edges WHERE child IN (SELECT value FROM json_each(?))'

/** In: seqs as JSON. Out: those of them that have open edges. */
export const WITH_OPEN_EDGES = `
SELECT j.value FROM json_each(?) j
WHERE EXISTS (SELECT 1 FROM edges e WHERE e.parent = j.value AND e.open = 1)`

/**
 * In: parent, the last child that waited for this end, 1 if it succeeded. Effect: the end is in the outbox,
 * unless nobody came since an earlier one that is there.
 */
export const PUT_OUT = 'INSERT OR IGNORE INTO undelivered(parent, until, succeeded) VALUES (?, ?, ?)'

/** In: parent, the last child that waited for this end. Effect: the end is not in the outbox. */
export const TAKE_OUT = 'DELETE FROM undelivered WHERE parent = ? AND until = ?'

/** In: how many. Out: parent, last child and success of ends in the outbox, those of one parent in their order. */
export const OUTBOX = 'SELECT parent, until, succeeded FROM undelivered ORDER BY parent, until LIMIT ?'

/** In: parent. Out: a row if the outbox holds an end of it. */
export const IS_OUT = 'SELECT 1 FROM undelivered WHERE parent = ? LIMIT 1'

/** Out: 1 if the outbox holds anything. */
export const ANY_OUT = 'SELECT EXISTS(SELECT 1 FROM undelivered)'

/** In: name. Out: key, when it was named, state, when that was decided. */
export const FIND_GATE = 'SELECT key, named_at, state, decided_at FROM gates WHERE name = ?'

/** In: name, now. Effect: the gate is named, and closed. */
export const NAME_GATE = 'INSERT INTO gates(name, named_at) VALUES (?, ?)'

/** In: state, now, key. Effect: its fate is decided. */
export const DECIDE_GATE = 'UPDATE gates SET state = ?, decided_at = ? WHERE key = ?'

/** In: key. Out: a row if the gate was opened; it may not have let all of its tasks through yet. */
export const IS_OPEN = 'SELECT 1 FROM gates WHERE key = ? AND state = 1'

/** In: key, how many. Out: seqs of the tasks behind it. */
export const BEHIND_GATE = 'SELECT seq FROM tasks WHERE gate = ? ORDER BY seq LIMIT ?'

/** In: now minus the hour. Out: keys of closed gates whose time is over. */
export const LATE_GATES = 'SELECT key FROM gates WHERE state = 0 AND named_at <= ?'

/** In: state, how many. Out: keys of gates decided so that tasks still wait behind. */
export const UNSETTLED_GATES = `
SELECT g.key FROM gates g
WHERE g.state = ? AND EXISTS (SELECT 1 FROM tasks t WHERE t.gate = g.key) LIMIT ?`

/** In: now minus the day. Effect: what was decided so long ago is forgotten, unless a task waits there. */
export const FORGET_GATES = `
DELETE FROM gates WHERE state <> 0 AND decided_at <= ?
AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.gate = gates.key)`
