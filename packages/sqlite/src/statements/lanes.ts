/** Statements about lanes and partitions. */

/** Out: 1 if any task is in a lane. */
export const ANY_LANES = 'SELECT EXISTS(SELECT 1 FROM lanes)'

/** Out: 1 if any lane prefers some workers. */
export const ANY_PREFERRING = 'SELECT EXISTS(SELECT 1 FROM lanes WHERE prefers = 1)'

/** In: seq. Out: since when the task has been due. */
export const DUE_SINCE = 'SELECT run_at FROM tasks WHERE seq = ?'

/** In: partition, lane as JSON. Out: key. */
export const FIND_LANE = 'SELECT key FROM lanes WHERE partition = ? AND lane = ?'

/** In: partition, lane as JSON, 1 if it prefers some workers. Effect: the lane is there. */
export const ADD_LANE = 'INSERT INTO lanes(partition, lane, prefers) VALUES (?, ?, ?)'

/** In: key. Out: partition, lane as JSON. */
export const LANE_BY_KEY = 'SELECT partition, lane FROM lanes WHERE key = ?'

/** In: name. Out: key. */
export const FIND_PARTITION = 'SELECT key FROM partitions WHERE name = ?'

/** In: name. Effect: the partition is there. */
export const ADD_PARTITION = 'INSERT INTO partitions(name) VALUES (?)'

/** Out: the greatest key. */
export const LAST_PARTITION = 'SELECT ifnull(max(key), 0) FROM partitions'

/** Out: the greatest key. */
export const LAST_LANE = 'SELECT ifnull(max(key), 0) FROM lanes'

/** Out: key and weight of the partitions that have one. */
export const WEIGHTS = 'SELECT key, weight FROM partitions WHERE weight IS NOT NULL'

/** In: weight or NULL, key. Effect: the partition has it. */
export const SET_WEIGHT = 'UPDATE partitions SET weight = ? WHERE key = ?'

/** Out: name and weight of the partitions that have one. */
export const READ_PARTITIONS = 'SELECT name, weight FROM partitions WHERE weight IS NOT NULL ORDER BY name'

/** SQLite would go through all that is in the lane, were it compared by less than the rest of the index. */
function behind(partition: string, lane: string): string {
  return `(partition, lane, ord, seq) > (${partition}, ${lane}, ${LAST}, ${LAST})`
}

/** Behind all numbers. */
export const LAST = '9223372036854775807'

/** In: queue, nothing, nothing, routes. Out: for each level 1 if any of the routes has a task in a lane to give there. */
export function levelsWithLanes(routes: number): string {
  const list = Array.from({ length: routes }, (_, index) => `?${index + 4}`).join(', ')
  const levels = [0, 1, 2, 3, 4].map(
    (level) => `EXISTS (
      SELECT 1 FROM ready WHERE queue = ?1 AND route IN (${list}) AND level = ${level} AND ${behind('0', '0')})`,
  )
  return `SELECT ${levels.join(', ')}`
}

/** In: queue, route, level, partition, lane, how many. Out: partition, lane, place in line and seq of the first tasks in the lanes behind that one. */
export const NEXT_LANES: string = `
SELECT partition, lane, ord, seq FROM ready
WHERE queue = ? AND route = ? AND level = ? AND ${behind('?', '?')}
ORDER BY partition, lane, ord, seq LIMIT CAST(? AS INTEGER)`

/** In: queue, route, level, partition, lane, place in line, seq, how many. Out: place in line and seq of those behind that one in its lane. */
export const IN_LANE = `
SELECT ord, seq FROM ready
WHERE queue = ? AND route = ? AND level = ? AND partition = ? AND lane = ? AND (ord, seq) > (?, ?)
ORDER BY ord, seq LIMIT CAST(? AS INTEGER)`

/** In: queue, route, level, partition, lane, place in line and seq of the last task taken. Effect: what was taken is not ready any more. */
export const LEAVE_LANE_UP_TO = `
DELETE FROM ready
WHERE queue = ? AND route = ? AND level = ? AND partition = ? AND lane = ? AND (ord, seq) <= (?, ?)`

/** In: the last key looked at, how many. Out: keys of lanes, and 1 if a task is in it. */
export const LANES_AFTER = `
SELECT key, EXISTS (SELECT 1 FROM tasks t WHERE t.lane > 0 AND t.lane = l.key) FROM lanes l
WHERE key > ? ORDER BY key LIMIT ?`

/** In: key. Effect: the lane is forgotten. */
export const FORGET_LANE = 'DELETE FROM lanes WHERE key = ?'

/** In: the last key looked at, how many. Out: keys of partitions, and 1 if one has a weight or a lane. */
export const PARTITIONS_AFTER = `
SELECT key, weight IS NOT NULL OR EXISTS (SELECT 1 FROM lanes l WHERE l.partition = p.key) FROM partitions p
WHERE key > ? ORDER BY key LIMIT ?`

/** In: key. Effect: the partition is forgotten. */
export const FORGET_PARTITION = 'DELETE FROM partitions WHERE key = ?'
