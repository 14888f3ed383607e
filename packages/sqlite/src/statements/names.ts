/** Statements about interned names. */

/** In: name. Out: key, whether it is paused. */
export const FIND_QUEUE = 'SELECT key, paused FROM queues WHERE name = ?'

/** In: name. Effect: the queue is there. */
export const ADD_QUEUE = 'INSERT INTO queues(name) VALUES (?)'

/** In: key. Out: name. */
export const QUEUE_BY_KEY = 'SELECT name FROM queues WHERE key = ?'

/** In: type, needs as JSON. Out: key. */
export const FIND_ROUTE = 'SELECT key FROM routes WHERE type = ? AND needs = ?'

/** In: type, needs as JSON. Effect: the route is there. */
export const ADD_ROUTE = 'INSERT INTO routes(type, needs) VALUES (?, ?)'

/** In: a key. Out: key, type and needs of the routes that were added after it. */
export const ROUTES_AFTER = 'SELECT key, type, needs FROM routes WHERE key > ? ORDER BY key'

/** In: terms as JSON. Out: key. */
export const FIND_TERMS = 'SELECT key FROM terms WHERE terms = ?'

/** In: terms as JSON. Effect: they are there. */
export const ADD_TERMS = 'INSERT INTO terms(terms) VALUES (?)'

/** In: a key. Out: key and terms as JSON of those that were added after it. */
export const TERMS_AFTER = 'SELECT key, terms FROM terms WHERE key > ? ORDER BY key'

/** Out: keys of all queues. */
export const ALL_QUEUES = 'SELECT key FROM queues ORDER BY key'
