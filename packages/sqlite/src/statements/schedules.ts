/** Statements of schedules. */

const COLUMNS = 'name, version, plan, paused, next_at, last_at, hex(last_task)'

/** In: name. Out: its columns. */
export const SCHEDULE: string = `SELECT ${COLUMNS} FROM schedules WHERE name = ?`

/** In: name to start behind, how many. Out: columns, by name. */
export const SCHEDULES: string = `SELECT ${COLUMNS} FROM schedules WHERE name > ? ORDER BY name LIMIT ?`

/** In: how many. Out: columns of those that wait, the first to be due first. */
export const SCHEDULES_WAITING: string = `
SELECT ${COLUMNS} FROM schedules WHERE paused = 0 AND next_at IS NOT NULL ORDER BY next_at, name LIMIT ?`

/** Out: a version that no schedule ever had. */
export const NEXT_VERSION = `
INSERT INTO meta(name, value) VALUES ('schedules', 1) ON CONFLICT(name) DO UPDATE SET value = value + 1 RETURNING value`

/** In: name, version, plan, whether paused, next fire. Effect: it is there like that; what it ran last stays. */
export const PUT_SCHEDULE = `
INSERT INTO schedules(name, version, plan, paused, next_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT(name) DO UPDATE SET version = excluded.version, plan = excluded.plan, paused = excluded.paused, next_at = excluded.next_at`

/** In: name. */
export const REMOVE_SCHEDULE = 'DELETE FROM schedules WHERE name = ?'

/** In: next fire, name. */
export const ADVANCE = 'UPDATE schedules SET next_at = ? WHERE name = ?'

/** In: fire time and task of the last run, name. */
export const RAN = 'UPDATE schedules SET last_at = ?, last_task = ? WHERE name = ?'
