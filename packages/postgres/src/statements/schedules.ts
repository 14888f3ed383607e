/** Statements of schedules. */

const COLUMNS = 'name, version, plan, paused, next_at, last_at, last_task::text'

/** In: name. Out: its columns. */
export const SCHEDULE: string = `SELECT ${COLUMNS} FROM home.schedules WHERE name = $1`

/** The same; nobody else changes it until the end of the transaction. */
export const LOCK_SCHEDULE: string = `${SCHEDULE} FOR UPDATE`

/** In: name to start behind, how many. Out: columns, by name. */
export const SCHEDULES: string = `SELECT ${COLUMNS} FROM home.schedules WHERE name > $1 ORDER BY name LIMIT $2`

/** In: how many. Out: columns of those that wait, the first to be due first. */
export const SCHEDULES_WAITING: string = `
SELECT ${COLUMNS} FROM home.schedules WHERE NOT paused AND next_at IS NOT NULL ORDER BY next_at, name LIMIT $1`

/** In: name, plan, whether paused, next fire. Effect: it is there, unless one of that name was. Out: version. */
export const NEW_SCHEDULE = `
INSERT INTO home.schedules(name, plan, paused, next_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING version`

/** In: name, version, plan, whether paused, whether the next fire stays, next fire. Effect: it is like that. Out: new version. */
export const CHANGE_SCHEDULE = `
UPDATE home.schedules SET version = DEFAULT, plan = $3, paused = $4, next_at = CASE WHEN $5 THEN next_at ELSE $6::bigint END
WHERE name = $1 AND version = $2 RETURNING version`

/** In: name. */
export const REMOVE_SCHEDULE = 'DELETE FROM home.schedules WHERE name = $1'

/** In: name, next fire. */
export const ADVANCE = 'UPDATE home.schedules SET next_at = $2 WHERE name = $1'

/** In: name, next fire, fire time and task of the last run. */
export const ADVANCE_AND_RAN =
  'UPDATE home.schedules SET next_at = $2, last_at = $3, last_task = $4 WHERE name = $1'
