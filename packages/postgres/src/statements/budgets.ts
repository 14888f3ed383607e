/** Statements about what queues and partitions may hold, and what they do. */

/** Effect: whoever sets a budget is alone, so that those who count them see all. */
export const HOLD_BUDGETS = 'LOCK TABLE home.budgets IN SHARE ROW EXCLUSIVE MODE'

/** In: kind, name, budget as JSON, how many may stand. Effect: it stands, unless it would be one too many. */
export const SET_BUDGET: string = `
INSERT INTO home.budgets(kind, name, budget) SELECT $1::text, $2::text, $3::text
WHERE (SELECT count(*) FROM home.budgets WHERE (kind, name) <> ($1, $2)) < $4::integer
ON CONFLICT (kind, name) DO UPDATE SET budget = excluded.budget`

/** In: kind, name. Effect: it stands no more. */
export const DROP_BUDGET = 'DELETE FROM home.budgets WHERE kind = $1 AND name = $2'

/** Out: kind, name, budget as JSON. */
export const READ_BUDGETS = 'SELECT kind, name, budget FROM home.budgets ORDER BY kind, name'

/**
 * One look at all live tasks, whatever is asked: there is no row that tells their number, since every exchange would
 * have to write it.
 *
 * In: whether all queues are of interest, numbers of partitions, each once. Out: key of a queue, place of a partition among
 * these or NULL, how many live tasks there are of both, and how many bytes of payloads.
 */
export const COUNT_LIVE: string = `
SELECT t.queue, p.n, count(*), sum(t.size)::bigint FROM home.live t
LEFT JOIN unnest($2::bigint[]) WITH ORDINALITY AS p(number, n) ON p.number = t.partition
WHERE $1::boolean OR p.n IS NOT NULL GROUP BY 1, 2`

/** In: store time that was seen; kinds, names and windows. Out: store time; then, with the place of its question, what was spent of each. */
export const SUM_SPENDINGS: string = `
SELECT 0, home.store_now($1::bigint), 0
UNION ALL SELECT w.n::integer, sum(s.tasks)::bigint, sum(s.handler_ms)
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY AS w(kind, name, from_at, until_at, n)
JOIN home.spendings s ON s.kind = w.kind AND s.name = w.name AND s.from_at = w.from_at AND s.until_at = w.until_at
GROUP BY w.n`

/**
 * In: store time that was seen, spender; kinds, names, windows, tasks and handler times.
 * Effect: the spender's totals of windows that are not over are no less than these. Totals only grow: what comes late says less.
 */
export const SPEND: string = `
INSERT INTO home.spendings AS s (kind, name, from_at, until_at, spender, tasks, handler_ms)
SELECT w.kind, w.name, w.from_at, w.until_at, $2, max(w.tasks), max(w.handler_ms)
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::double precision[])
  AS w(kind, name, from_at, until_at, tasks, handler_ms)
WHERE w.until_at > (SELECT home.store_now($1::bigint)) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
ON CONFLICT (kind, name, from_at, until_at, spender) DO UPDATE
  SET tasks = greatest(s.tasks, excluded.tasks), handler_ms = greatest(s.handler_ms, excluded.handler_ms)`

/** In: store time. Effect: what was spent in windows that are over is forgotten; what somebody has at this moment waits for the next time. */
export const FORGET_SPENDINGS: string = `
DELETE FROM home.spendings WHERE ctid = ANY (ARRAY(SELECT ctid FROM home.spendings WHERE until_at <= $1 FOR UPDATE SKIP LOCKED))`
