/**
 * The tables and functions, as migrations create them; what a column means stands here and nowhere else. In
 * every statement `home.` stands for the schema that the user chose.
 */
import { CLAIM_FUNCTION } from './claiming.ts'
import { CLAIM_IN_TURNS_FUNCTION } from './claiming-in-turns.ts'
import { GIVE_BACK_FUNCTION } from './limits.ts'
import { PROMOTE_FUNCTION } from './series.ts'
import { TAKE_KEYS_FUNCTION } from './keys.ts'
import { SUCCEED_FUNCTION } from './settling.ts'

/** Columns that a task has from its birth until retention removes it. */
const TASK_COLUMNS = `
  id uuid NOT NULL,
  seq bigint NOT NULL,               -- arrival; never used twice
  run_at bigint NOT NULL,
  enqueued_at bigint NOT NULL,
  claimed_at bigint,                 -- when the latest claim was made
  nonce bigint,                      -- of the latest claim; NULL: nobody holds a fence
  queue integer NOT NULL,
  route integer NOT NULL,
  terms integer NOT NULL,
  epoch integer NOT NULL,
  session integer,                   -- of the latest claim
  settled integer NOT NULL,          -- number of the last settlement of that claim
  size integer NOT NULL,             -- bytes of the payload, 0 once it is dropped
  state smallint NOT NULL,           -- codes.ts
  level smallint NOT NULL,
  flags smallint NOT NULL,           -- codes.ts
  digest text NOT NULL,
  payload text,                      -- NULL: none, or in payload_raw
  payload_raw bytea,                 -- what is no text
  counters text,                     -- of the claims that have ended, a success aside; NULL: all zero
  history text,                      -- history.ts
  error text,                        -- JSON
  parents text,                      -- JSON [[id, ifFailed], ...]
  labels text,                       -- JSON [tags, metadata, headers]
  start_by bigint,
  deadline_at bigint,
  cancel text,                       -- JSON {reason, at}
  restarted_at bigint,
  due_by bigint,                     -- what stands for its due time in line; NULL: nothing else does
  lane_text text,                    -- JSON [partition, whether in strict order, [[name, key, cost], ...]] (lanes.ts)
  unique_key text,                   -- the one that it holds while it is live
  key_terms text,                    -- how it holds a key, if not as long as it lives, or replaced another task: core's key-terms.ts
  mark text,                         -- nonce of the last command that changed it, and the outcome
  progress text,                     -- JSON
  logs text,                         -- JSON
  checkpoint text,
  checkpoint_raw bytea`

/**
 * Version 1.
 *
 * `live` holds what has not ended, and nothing else, so that what a claim costs does not grow with history. An
 * end moves the row to `final`: succeeded tasks into one of eight partitions, each filled for a time and emptied as
 * a whole, failed and cancelled ones into one each. Live rows are found by narrow partial indexes; no index is on a column
 * that progress, renewals or notes change.
 */
export const SCHEMA_1: string = `
-- one row: store time never goes below the floor; tests move the offset; slot is where succeeded tasks go, since slot_at
CREATE TABLE home.clock(
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  floor bigint NOT NULL DEFAULT 0,
  offset_ms bigint NOT NULL DEFAULT 0,
  slot smallint NOT NULL DEFAULT 0,
  slot_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20);
INSERT INTO home.clock DEFAULT VALUES;

-- store time in milliseconds, and never below what the caller has seen already
CREATE FUNCTION home.store_now(seen bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT greatest($1, c.floor, (extract(epoch FROM clock_timestamp()) * 1000)::bigint + c.offset_ms) FROM home.clock c
$$;

CREATE TABLE home.queues(
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  lanes boolean NOT NULL DEFAULT false, -- whether a task of it ever had a lane
  configured boolean NOT NULL DEFAULT false, -- it is shown without any task too
  paused boolean NOT NULL DEFAULT false,
  paused_at bigint,
  paused_by text,
  retention text                     -- JSON; NULL: the default
);

CREATE TABLE home.schedules(
  name text COLLATE "C" PRIMARY KEY,
  version bigint GENERATED ALWAYS AS IDENTITY,
  plan text NOT NULL,                -- JSON of core's
  paused boolean NOT NULL,
  next_at bigint,                    -- NULL: never again
  last_at bigint,                    -- fire time ...
  last_task uuid                     -- ... and task of the last run
);
CREATE INDEX schedules_due ON home.schedules(next_at, name) WHERE NOT paused AND next_at IS NOT NULL;

CREATE TABLE home.locks(
  name text COLLATE "C" PRIMARY KEY,
  holder text NOT NULL,
  token bigint NOT NULL,
  about text NOT NULL,
  acquired_at bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX locks_end ON home.locks(expires_at);
-- one row, which whoever takes a lock holds: the last token
CREATE TABLE home.lock_tokens(one boolean PRIMARY KEY DEFAULT true CHECK (one), last bigint NOT NULL DEFAULT 1);

CREATE TABLE home.routes(
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  type text COLLATE "C" NOT NULL,
  needs text[] COLLATE "C" NOT NULL,
  UNIQUE (type, needs)
);

-- what core wants back with each claim, unread: JSON [policy, timeoutMs]
CREATE TABLE home.terms(key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, terms text NOT NULL);
CREATE UNIQUE INDEX terms_text ON home.terms(md5(terms));

CREATE TABLE home.live(${TASK_COLUMNS},
  place smallint NOT NULL,           -- 1: can be claimed; 2: once it is due; 0: neither
  partition bigint NOT NULL DEFAULT 0, -- number of its partition; 0: none (lanes.ts)
  lane bigint NOT NULL DEFAULT 0,    -- number of the keys that it counts under; 0: none
  ord bigint NOT NULL,               -- where it stands in line: due_by, or else run_at
  counted text,                      -- while it runs: the keys of limits (limit_keys.id) that count it, as an array
  expires_at bigint,                 -- when the sweep ends it; NULL while it runs
  gate integer,                      -- the gate it waits for, which counts as a blocker
  blockers integer NOT NULL DEFAULT 0,
  triggers integer NOT NULL DEFAULT 0, -- how many of the blockers are triggers
  attempt_at bigint,                 -- when the clock of its attempt began to run
  missed smallint NOT NULL DEFAULT 0,  -- how many renewals in a row did not list it
  cause smallint,                    -- why it was taken over ...
  taken_from integer,                -- ... and from which session
  PRIMARY KEY (id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_insert_scale_factor = 0.5, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE home.live ALTER COLUMN seq ADD GENERATED BY DEFAULT AS IDENTITY;
CREATE INDEX live_ready ON home.live(queue, route, level, partition, lane, ord, seq) WHERE place = 1;
CREATE INDEX live_later ON home.live(queue, route, run_at) WHERE place = 2;
CREATE INDEX live_expiring ON home.live(expires_at) WHERE expires_at IS NOT NULL;
-- strict order; one that came in a transaction of the user's (flag 64) is not in it yet
CREATE INDEX live_series ON home.live(queue, partition, seq) WHERE flags & 96 = 32;
CREATE INDEX live_due_by ON home.live(due_by) WHERE due_by IS NOT NULL;
CREATE INDEX live_gate ON home.live(gate) WHERE gate IS NOT NULL;
CREATE UNIQUE INDEX live_key ON home.live(unique_key COLLATE "C") WHERE unique_key IS NOT NULL;

CREATE TABLE home.final(${TASK_COLUMNS},
  finished_at bigint NOT NULL,
  reason smallint,
  result text,
  result_raw bytea,
  bytes integer NOT NULL,            -- as retention counts them
  slot smallint NOT NULL             -- 0 to 7: succeeded, a ring (ring.ts); 8: failed; 9: cancelled
) PARTITION BY LIST (slot);
${Array.from({ length: 10 }, (_, slot) => `CREATE TABLE home.final_${slot} PARTITION OF home.final FOR VALUES IN (${slot});`).join('\n')}
CREATE INDEX final_id ON home.final(id);
CREATE INDEX final_end ON home.final(queue, finished_at, seq);

-- one row per claim: which tasks an exchange took. It goes when none of them runs under its nonce any more
CREATE TABLE home.claims(
  session integer NOT NULL, nonce bigint NOT NULL, ids uuid[] NOT NULL, PRIMARY KEY (session, nonce)
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0);
-- ids do not compress
ALTER TABLE home.claims ALTER COLUMN ids SET STORAGE EXTERNAL;

-- what waits for what; kept until the child is final, so that retention leaves its parents alone. The triggers of a
-- child that was triggered stay open, and mean nothing any more
CREATE TABLE home.edges(
  parent uuid NOT NULL, child uuid NOT NULL, if_failed smallint NOT NULL, open boolean NOT NULL,
  seq bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (parent, child)
);
CREATE INDEX edges_child ON home.edges(child);
CREATE INDEX edges_open ON home.edges(parent, seq) WHERE open;

-- ends of parents whose dependents were too many for the operation that ended them; a parent that started over
-- may end more than once, and whose edge has a seq up to \`until\` waited for this end
CREATE TABLE home.outbox(parent uuid NOT NULL, until bigint NOT NULL, succeeded boolean NOT NULL, PRIMARY KEY (parent, until));

CREATE TABLE home.gates(
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  named_at bigint NOT NULL,
  state smallint NOT NULL DEFAULT 0, -- 0 shut, 1 open, 2 gone
  decided_at bigint
);

-- whose turns are longer than those of others
CREATE TABLE home.partitions(number bigint PRIMARY KEY, name text COLLATE "C" NOT NULL UNIQUE, weight smallint NOT NULL);

-- what is allowed; version 0: nobody has set it, but one of its keys was shut
CREATE TABLE home.limits(
  name text COLLATE "C" PRIMARY KEY,
  version integer NOT NULL DEFAULT 0,
  nonce bigint,
  concurrency integer,
  rate text,                         -- JSON {limit, perMs, burst}
  unit_ms double precision,          -- of the rate: perMs / limit
  burst integer,
  set_by text NOT NULL DEFAULT 'user',
  shut_until bigint NOT NULL DEFAULT 0,
  configured_at bigint NOT NULL DEFAULT 0
);

-- what was used of a key; a row comes with the first task that a limit counts, and goes when nothing of it is left
CREATE TABLE home.limit_keys(
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  used integer NOT NULL DEFAULT 0,
  arrival_at double precision NOT NULL DEFAULT 0, -- when the next unit of the rate arrives, in ms
  shut_until bigint NOT NULL DEFAULT 0,
  UNIQUE (name, key)
) WITH (fillfactor = 50);

-- what a queue or a partition (kind) may hold and use
CREATE TABLE home.budgets(kind text COLLATE "C", name text COLLATE "C", budget text NOT NULL, PRIMARY KEY (kind, name)); -- budget: JSON

-- what each client has told that it used in a window of a quota, in all
CREATE TABLE home.spendings(
  kind text COLLATE "C", name text COLLATE "C", from_at bigint, until_at bigint, spender text COLLATE "C",
  tasks bigint NOT NULL, handler_ms double precision NOT NULL,
  PRIMARY KEY (kind, name, from_at, until_at, spender)
) WITH (fillfactor = 50);
CREATE INDEX spendings_until ON home.spendings(until_at);

CREATE TABLE home.sessions(
  key integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  opened_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  renewal integer NOT NULL DEFAULT 0, -- number of the last renewal that counted
  since bigint NOT NULL,              -- when it was opened last
  profile text NOT NULL,              -- JSON: where it runs and what it serves
  ordered_end text,                   -- what operators want of it: 'drain' or 'stop' ...
  ordered_concurrency integer         -- ... and how many handlers at the same time
);
CREATE INDEX sessions_end ON home.sessions(expires_at);

CREATE TABLE home.definitions(type text COLLATE "C" PRIMARY KEY, definition text NOT NULL);

-- ids that stay known after their tasks were removed
CREATE TABLE home.tombstones(
  id uuid PRIMARY KEY, digest text NOT NULL, state smallint NOT NULL, until bigint NOT NULL, mark text
);
CREATE INDEX tombstones_until ON home.tombstones(until);

-- unique keys that are held for a time, whatever becomes of the task that began it
CREATE TABLE home.windows(key text COLLATE "C" PRIMARY KEY, task uuid NOT NULL, until bigint NOT NULL);
CREATE INDEX windows_until ON home.windows(until);

-- ids that clients drew, of tasks that came as the repeat of a request: the first copy may still arrive
CREATE TABLE home.repeated(id uuid PRIMARY KEY, until bigint NOT NULL);

-- how the numbers and bytes of final tasks have changed: appended by each end, added up by prune
CREATE TABLE home.volumes(queue integer NOT NULL, state smallint NOT NULL, tasks bigint NOT NULL, bytes bigint NOT NULL);

${PROMOTE_FUNCTION}
${GIVE_BACK_FUNCTION}
${SUCCEED_FUNCTION}
${CLAIM_IN_TURNS_FUNCTION}
${CLAIM_FUNCTION}
${TAKE_KEYS_FUNCTION}
`
