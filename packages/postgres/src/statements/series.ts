/** Statements about strict order. */

/**
 * In: store time, queues and partitions. Out: how many tasks stand in line from now on.
 * Effects: of each the first stands in line, if it waits for nothing else. Where somebody has it locked, that is left to deliver.
 * The series must be locked.
 */
export const PROMOTE_FUNCTION: string = `
CREATE FUNCTION home.promote(p_now bigint, p_queues integer[], p_partitions bigint[]) RETURNS integer LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  v_first uuid;
  v_count integer := 0;
BEGIN
  FOR i IN 1 .. cardinality(p_queues) LOOP
    SELECT t.id INTO v_first FROM home.live t
    WHERE t.queue = p_queues[i] AND t.partition = p_partitions[i] AND t.flags & 96 = 32 ORDER BY t.queue, t.partition, t.seq LIMIT 1;
    CONTINUE WHEN NOT FOUND;
    PERFORM FROM home.live t WHERE t.id = v_first FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
      INSERT INTO home.late_series(queue, partition) VALUES (p_queues[i], p_partitions[i]);
      CONTINUE;
    END IF;
    UPDATE home.live t SET place = CASE WHEN t.run_at <= p_now THEN 1 ELSE 2 END
    WHERE t.id = v_first AND t.state = 1 AND t.place = 0 AND t.flags & 2 = 0;
    IF FOUND THEN v_count := v_count + 1; END IF;
  END LOOP;
  RETURN v_count;
END $$;`

/** In and out: as the function. */
export const PROMOTE = 'SELECT home.promote($1::bigint, $2::integer[], $3::bigint[])'

/**
 * In: the schema, queues and partitions, in their order. Effect: nobody else adds to these series, or ends the first of
 * one, until the transaction ends.
 */
export const LOCK_SERIES: string = `
SELECT count(*) FROM (
  SELECT pg_advisory_xact_lock(hashtextextended($1 || ' series ' || s.queue || ' ' || s.partition, 0))
  FROM unnest($2::integer[], $3::bigint[]) AS s(queue, partition)
) AS locked`

/** In: how many. Out: series that somebody has to look after: queue, partition, and a task that is not in it yet or NULL. Effect: they are taken out. */
export const LATE_SERIES: string = `
DELETE FROM home.late_series WHERE seq = ANY (ARRAY(SELECT seq FROM home.late_series ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING queue, partition::text, task::text`

/** In: tasks. Out: those that are in no series yet, in the order of their arrival, and whether each could be locked. Effect: they are. */
export const LATE_COMERS: string = `
WITH free AS MATERIALIZED (
  SELECT l.id FROM home.live l WHERE l.id = ANY ($1::uuid[]) AND l.flags & 64 > 0 ORDER BY l.id FOR UPDATE SKIP LOCKED
)
SELECT l.id::text, l.id IN (SELECT id FROM free) FROM home.live l WHERE l.id = ANY ($1::uuid[]) AND l.flags & 64 > 0 ORDER BY l.seq`

/** In: tasks in their order. Effect: they are in their series from now on, behind the others. */
export const JOIN_SERIES: string = `
UPDATE home.live t SET seq = DEFAULT, flags = t.flags & ~64 FROM unnest($1::uuid[]) AS x(id) WHERE t.id = x.id`

/** In: queues, partitions, tasks. Effect: somebody looks after them later. */
export const LEAVE_SERIES: string = `
INSERT INTO home.late_series(queue, partition, task) SELECT * FROM unnest($1::integer[], $2::bigint[], $3::uuid[])`

/** In: how many. Out: what counted tasks that ended in transactions of users'. Effect: they are taken out. */
export const LATE_SLOTS: string = `
DELETE FROM home.late_slots WHERE seq = ANY (ARRAY(SELECT seq FROM home.late_slots ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING counted`
