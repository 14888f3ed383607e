/** Statements about unique keys. */

/** In: keys. Out: key and id of the task that holds it by living or waiting. */
export const KEY_HOLDERS: string = `
SELECT unique_key, id::text FROM home.live WHERE unique_key IS NOT NULL AND unique_key COLLATE "C" = ANY ($1::text[])`

/** In: keys. Out: those that a task holds by living or waiting. */
export const KEYS_HELD = `
SELECT unique_key FROM home.live WHERE unique_key IS NOT NULL AND unique_key COLLATE "C" = ANY ($1::text[])`

/** In: keys, store time. Out: key and task of those that are held for a time. */
export const OPEN_WINDOWS =
  'SELECT key, task::text FROM home.windows WHERE key = ANY ($1::text[]) AND until > $2'

/** In: keys. Out: those that windows have. Effect: these are locked, in their order. */
export const LOCK_WINDOWS =
  'SELECT key FROM home.windows WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE'

/** What may become of a window that is there; `excluded` has the newcomer, x whose window it may take over. */
const TAKE_OVER = 'ON CONFLICT (key) DO UPDATE SET task = excluded.task, until = excluded.until'

/**
 * In: keys in their order, tasks, until when each holds its key, store time, whose windows may be taken over.
 * Effect: they hold their keys; one that somebody else holds is not counted.
 */
export const BEGIN_WINDOWS: string = `
INSERT INTO home.windows AS w (key, task, until) SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[])
${TAKE_OVER} WHERE w.until <= $4 OR w.task = ANY ($5::uuid[])`

/** In a function, of its JSON: {now, windows: [{key, task, until}, ...]}. Effect: as `BEGIN_WINDOWS`. */
export const BEGIN_WINDOWS_OF_JSON: string = `
INSERT INTO home.windows AS w (key, task, until)
SELECT key, task, until FROM json_to_recordset(j -> 'windows') AS x(key text, task uuid, until bigint) ORDER BY key COLLATE "C"
${TAKE_OVER} WHERE w.until <= (j ->> 'now')::bigint`

/** In: keys, tasks. Effect: those do not hold these any more. */
export const DROP_WINDOWS = `
DELETE FROM home.windows w USING unnest($1::text[], $2::uuid[]) AS x(key, task) WHERE w.key = x.key AND w.task = x.task`

/** In: store time, how many. Effect: so many windows whose time is over are gone. */
export const FORGET_WINDOWS: string = `
DELETE FROM home.windows WHERE key = ANY (ARRAY(SELECT key FROM home.windows WHERE until <= $1 ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED))`

/** In: store time. Out: whether there is a window whose time is over. */
export const ANY_OLD_WINDOW = 'SELECT EXISTS (SELECT FROM home.windows WHERE until <= $1)'

/**
 * In: ids of live tasks that hold no key, and the key that each is to hold. Effect: those hold theirs whose key
 * nobody has; one that somebody is about to take, in a transaction that may be open for long, is not waited for.
 */
export const TAKE_KEYS_FUNCTION = `
CREATE FUNCTION home.take_keys(p_ids uuid[], p_keys text[]) RETURNS void LANGUAGE plpgsql VOLATILE
SET lock_timeout = '1ms' SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off AS $$
BEGIN
  FOR i IN 1 .. cardinality(p_ids) LOOP
    BEGIN
      UPDATE home.live t SET unique_key = p_keys[i] WHERE t.id = p_ids[i] AND NOT EXISTS (
        SELECT FROM home.live o WHERE o.unique_key IS NOT NULL AND o.unique_key COLLATE "C" = p_keys[i]);
    EXCEPTION
      WHEN unique_violation OR lock_not_available THEN NULL;
    END;
  END LOOP;
END $$;`

/** In and effect: as the function's. */
export const TAKE_KEYS = 'SELECT home.take_keys($1::uuid[], $2::text[])'
