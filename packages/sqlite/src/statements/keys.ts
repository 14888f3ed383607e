/** Statements about unique keys. */

/** In: unique key. Out: id of the task that holds it by living or waiting. */
export const KEY_HOLDER = 'SELECT lower(hex(id)) FROM tasks WHERE unique_key = ? AND state < 4'

/** In: unique key. Out: a row if a task holds it by living or waiting. */
export const KEY_HELD = 'SELECT 1 FROM tasks WHERE unique_key = ? AND state < 4'

/** In: unique key or NULL, seq. Effect: the task holds that one; none must hold it. */
export const SET_KEY = 'UPDATE tasks SET unique_key = ? WHERE seq = ?'

/** In: seqs as JSON. Effect: those that hold their keys while they wait do not any more. 16 is EXTRA.key (tasks.ts). */
export const RELEASE_KEYS = `
UPDATE tasks SET unique_key = NULL WHERE seq IN (SELECT value FROM json_each(?)) AND extra & 16`

/** In: seq. Out: the terms of its key. */
export const KEY_TERMS = 'SELECT key_terms FROM tasks WHERE seq = ?'

/** In: unique key, now. Out: id of the task that holds it for a time. */
export const OPEN_WINDOW = 'SELECT lower(hex(task)) FROM windows WHERE key = ? AND until > ?'

/** In: unique key, id, until. Effect: the task holds it so long. */
export const BEGIN_WINDOW = 'INSERT OR REPLACE INTO windows(key, task, until) VALUES (?, ?, ?)'

/** In: unique key, id. Effect: the task does not hold it any more. */
export const DROP_WINDOW = 'DELETE FROM windows WHERE key = ? AND task = ?'

/** In: now, how many. Effect: so many windows whose time is over are gone. */
export const FORGET_WINDOWS = `
DELETE FROM windows WHERE key IN (SELECT key FROM windows WHERE until <= ? ORDER BY until LIMIT ?)`

/** In: now. Out: 1 if there is a window whose time is over. */
export const ANY_OLD_WINDOW = 'SELECT EXISTS(SELECT 1 FROM windows WHERE until <= ?)'
