/** Statements about names that repeat. Whoever adds takes a lock, so that two that add the same do not collide. */

/** In: names. Effect: each is there. */
export const ADD_QUEUES: string = `
INSERT INTO home.queues(name) SELECT n FROM unnest($1::text[]) AS n
WHERE NOT EXISTS (SELECT FROM home.queues q WHERE q.name = n) ORDER BY n ON CONFLICT (name) DO NOTHING`

/** In: names. Out: keys and names. */
export const QUEUES_BY_NAME = 'SELECT key, name FROM home.queues WHERE name = ANY ($1::text[])'

/** In: keys. Out: keys and names. */
export const QUEUES_BY_KEY = 'SELECT key, name FROM home.queues WHERE key = ANY ($1::integer[])'

const ROUTE_NAME = `json_build_array(type, array_to_json(needs))`

/** In: JSON of [type, needs]. Effect: each is there. */
export const ADD_ROUTES: string = `
INSERT INTO home.routes(type, needs)
SELECT n.name::json ->> 0, ARRAY(SELECT json_array_elements_text(n.name::json -> 1)) FROM unnest($1::text[]) AS n(name)
ORDER BY 1, 2 ON CONFLICT (type, needs) DO NOTHING`

/** In: JSON of [type, needs]. Out: keys and the same JSON. */
export const ROUTES_BY_NAME: string = `
SELECT r.key, n.name FROM unnest($1::text[]) AS n(name)
JOIN home.routes r ON r.type = n.name::json ->> 0 AND r.needs = ARRAY(SELECT json_array_elements_text(n.name::json -> 1))`

/** In: keys. Out: keys and JSON of [type, needs]; names hold nothing that JSON would write in two ways. */
export const ROUTES_BY_KEY: string = `
SELECT key, replace(${ROUTE_NAME}::text, ', ', ',') FROM home.routes WHERE key = ANY ($1::integer[])`

/** In: texts. Effect: each is there. */
export const ADD_TERMS: string = `
INSERT INTO home.terms(terms) SELECT n FROM unnest($1::text[]) AS n ORDER BY md5(n) ON CONFLICT (md5(terms)) DO NOTHING`

/** In: texts. Out: keys and texts. */
export const TERMS_BY_TEXT: string = `
SELECT t.key, t.terms FROM home.terms t WHERE md5(t.terms) = ANY (ARRAY(SELECT md5(n) FROM unnest($1::text[]) AS n))`

/** In: keys. Out: keys and texts. */
export const TERMS_BY_KEY = 'SELECT key, terms FROM home.terms WHERE key = ANY ($1::integer[])'

/** In: keys. Out: keys and ids. */
export const SESSIONS_BY_KEY = 'SELECT key, id::text FROM home.sessions WHERE key = ANY ($1::integer[])'
