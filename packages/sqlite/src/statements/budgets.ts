/** Statements about budgets, and about what they are compared with. */

/** In: how many more tasks and bytes, key. Effect: the queue has so many more live ones, or fewer. */
export const LOAD_QUEUE = 'UPDATE queues SET tasks = tasks + ?, bytes = bytes + ? WHERE key = ?'

/** In: how many more tasks and bytes, key. Effect: the partition has so many more live ones, or fewer. */
export const LOAD_PARTITION = 'UPDATE partitions SET tasks = tasks + ?, bytes = bytes + ? WHERE key = ?'

/** Effect: nothing is counted of any queue. */
export const EMPTY_QUEUES = 'UPDATE queues SET tasks = 0, bytes = 0 WHERE tasks <> 0 OR bytes <> 0'

/** Effect: nothing is counted of any partition. */
export const EMPTY_PARTITIONS = 'UPDATE partitions SET tasks = 0, bytes = 0 WHERE tasks <> 0 OR bytes <> 0'

/** In: name. Out: key, and the live tasks of the queue and their bytes as they were counted. */
export const QUEUE_LOAD = 'SELECT key, tasks, bytes FROM queues WHERE name = ?'

/** In: name. Out: key, and the live tasks of the partition and their bytes as they were counted. */
export const PARTITION_LOAD = 'SELECT key, tasks, bytes FROM partitions WHERE name = ?'

/** In: seqs as JSON. Out: queue, lane, how many of them are there, and the sum of their sizes. */
export const LOADS_OF = `
SELECT t.queue, t.lane, count(*), sum(t.size) FROM json_each(?) j CROSS JOIN tasks t ON t.seq = j.value
GROUP BY t.queue, t.lane`

/**
 * Out: queue, lane, how many live tasks, and the sum of their sizes. They are looked up where nothing but live ones is:
 * final ones may be a hundred times as many.
 */
export const LIVE_LOADS = `
SELECT t.queue, t.lane, count(*), sum(t.size) FROM (
  SELECT seq FROM ready UNION SELECT seq FROM later UNION SELECT seq FROM running UNION SELECT seq FROM series
  UNION SELECT seq FROM tasks WHERE blockers > 0 UNION SELECT seq FROM tasks WHERE held = 1 AND state = 1
) live CROSS JOIN tasks t ON t.seq = live.seq
GROUP BY t.queue, t.lane`

/** Out: 1 if there are budgets. */
export const ANY_BUDGETS = 'SELECT EXISTS(SELECT 1 FROM budgets)'

/** Out: how many budgets are set. */
export const COUNT_BUDGETS = 'SELECT count(*) FROM budgets'

/** In: kind, name. Out: a row if the scope has a budget. */
export const HAS_BUDGET = 'SELECT 1 FROM budgets WHERE kind = ? AND name = ?'

/** In: kind, name, budget as JSON. Effect: that is the budget of the scope. */
export const SET_BUDGET = 'INSERT OR REPLACE INTO budgets(kind, name, budget) VALUES (?, ?, ?)'

/** In: kind, name. Effect: the scope has none. */
export const DELETE_BUDGET = 'DELETE FROM budgets WHERE kind = ? AND name = ?'

/** Out: kind, name, budget as JSON. */
export const READ_BUDGETS = 'SELECT kind, name, budget FROM budgets ORDER BY kind, name'

/** In: kind, name, window, spender, tasks, milliseconds. Effect: the spender has spent so much, or what was known if that is more. */
export const SPEND = `
INSERT INTO spendings(kind, name, since, until, spender, tasks, handler_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET tasks = max(tasks, excluded.tasks), handler_ms = max(handler_ms, excluded.handler_ms)`

/** In: kind, name, window. Out: tasks and milliseconds that all have spent. */
export const SPENT = `
SELECT ifnull(sum(tasks), 0), ifnull(sum(handler_ms), 0) FROM spendings
WHERE kind = ? AND name = ? AND since = ? AND until = ?`

/** In: now, how many. Effect: so many spendings of windows that are over are gone. */
export const FORGET_SPENDINGS = `
DELETE FROM spendings WHERE (kind, name, since, until, spender) IN
  (SELECT kind, name, since, until, spender FROM spendings WHERE until <= ? ORDER BY until LIMIT ?)`

/** In: now. Out: 1 if there is a spending of a window that is over. */
export const ANY_OLD_SPENDING = 'SELECT EXISTS(SELECT 1 FROM spendings WHERE until <= ?)'
