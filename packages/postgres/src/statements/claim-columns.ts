/** What the two claims have in common. */

const TEXTS = 't.payload, t.payload_raw, t.checkpoint, t.checkpoint_raw'
const NO_EXTRA = 't.deadline_at IS NULL AND t.counters IS NULL AND t.parents IS NULL AND t.labels IS NULL'
const EXTRA = 't.deadline_at, t.counters, t.parents, t.labels'

/** What a claim answers of each task that has no lane. Texts that few tasks have travel together. */
export const CONTENT_COLUMNS: string = `${TEXTS},
      CASE WHEN ${NO_EXTRA} THEN NULL
        ELSE json_build_array(${EXTRA})::text END`
/** The same of any task: of what has a partition its name, too. */
export const CLAIM_COLUMNS: string = `t.id, t.seq, nullif(t.ord, t.run_at), t.run_at, t.enqueued_at, t.claimed_at, t.epoch, t.queue, t.route, t.terms,
      t.level, ${TEXTS},
      CASE WHEN t.partition <> 0 THEN json_build_array(${EXTRA}, t.lane_text::json -> 0)::text
        WHEN ${NO_EXTRA} THEN NULL
        ELSE json_build_array(${EXTRA})::text END`

/** What claims answer. */
export const CLAIMED = `TABLE(
  part integer, id uuid, seq bigint, ord bigint, run_at bigint, enqueued_at bigint, claimed_at bigint, epoch integer, queue integer,
  route integer, terms integer, level smallint, payload text, payload_raw bytea, checkpoint text, checkpoint_raw bytea,
  extra text
)`

/** Plans that need no statistics. */
export const PLANS =
  'SET plan_cache_mode = force_generic_plan SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off'
