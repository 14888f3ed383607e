/** The tables. `migrate.ts` creates them; what a column means stands here and nowhere else. */

/** Marks a file as ours (`PRAGMA application_id`): "Mlrc". */
export const APPLICATION_ID = 0x4d_6c_72_63

/**
 * Version 1.
 *
 * Names that repeat (queues, routes, terms) are kept once and referred to by small integers. The tables of
 * the hot path are few and narrow: `add` writes `tasks` and `ready`; a claim writes `running` and deletes
 * from `ready`; a settlement deletes from `running` and writes `tasks`.
 */
export const SCHEMA_1: string = `
-- single values: 'floor' (store time never goes below), 'schedules' (the last version that one was given), 'token' (the last of a lock), 'seq' (no seq up to it is ever used again), 'settings' (grows
-- with every change of what processes remember), 'oldest' (the lowest version of the schema that code must know to work with this one)
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE schedules(
  name TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  plan TEXT NOT NULL,               -- JSON of core's
  paused INTEGER NOT NULL,
  next_at INTEGER,                  -- NULL: never again
  last_at INTEGER,                  -- fire time ...
  last_task BLOB                    -- ... and task of the last run
) STRICT;
CREATE INDEX schedules_due ON schedules(next_at, name) WHERE paused = 0 AND next_at IS NOT NULL;

CREATE TABLE locks(
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  token INTEGER NOT NULL,
  about TEXT NOT NULL,
  acquired_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX locks_end ON locks(expires_at);

CREATE TABLE queues(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  configured INTEGER NOT NULL DEFAULT 0, -- it is shown without any task too
  paused INTEGER NOT NULL DEFAULT 0,
  paused_at INTEGER,
  paused_by TEXT,
  retention TEXT,                   -- JSON; NULL: the default
  tasks INTEGER NOT NULL DEFAULT 0, -- how many live tasks it has, while there are budgets …
  bytes INTEGER NOT NULL DEFAULT 0  -- … and the sum of their sizes
) STRICT;

CREATE TABLE routes(
  key INTEGER PRIMARY KEY,
  type TEXT NOT NULL,
  needs TEXT NOT NULL,              -- JSON array
  UNIQUE(type, needs)
) STRICT;

-- what core wants back with each claim, unread: JSON [policy, timeoutMs]
CREATE TABLE terms(key INTEGER PRIMARY KEY, terms TEXT NOT NULL UNIQUE) STRICT;

-- one row per task, from birth to retention; columns that most tasks leave NULL stand last
CREATE TABLE tasks(
  seq INTEGER PRIMARY KEY,          -- arrival; never used twice
  id BLOB NOT NULL,                 -- 16 bytes
  state INTEGER NOT NULL,           -- codes.ts; a running task's row says pending
  queue INTEGER NOT NULL,
  route INTEGER NOT NULL,
  level INTEGER NOT NULL,
  terms INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  enqueued_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,           -- of the last claim that has ended
  extra INTEGER NOT NULL,           -- flags (tasks.ts): what a claim has to look up beyond these columns
  size INTEGER NOT NULL,            -- length of the payload, 0 once it is dropped
  weight INTEGER NOT NULL,          -- bytes of all the rest, the result aside, as retention counts them
  digest TEXT NOT NULL,
  expires_at INTEGER,               -- when the sweep ends it unless it runs
  finished_at INTEGER,
  nonce INTEGER,                    -- of the claim whose settlement made the row what it is …
  settled INTEGER,                  -- … and that settlement's number
  payload TEXT,                     -- NULL: none, or apart in payloads
  result TEXT,                      -- NULL: none, or apart in payloads
  result_size INTEGER NOT NULL DEFAULT 0,
  history TEXT NOT NULL DEFAULT '', -- history.ts
  counters TEXT,                    -- of the claims that have ended, a success aside; NULL: all zero
  unique_key TEXT,                  -- the one that it holds, unless it is final
  key_terms TEXT,                   -- how it holds a key, if not as long as it lives, or replaced another task: core's key-terms.ts
  reason INTEGER,
  error TEXT,                       -- JSON
  held INTEGER NOT NULL DEFAULT 0,
  blockers INTEGER NOT NULL DEFAULT 0,
  triggers INTEGER NOT NULL DEFAULT 0, -- how many of the blockers are triggers
  gate INTEGER,                     -- the gate it waits for, which counts as a blocker
  parents TEXT,                     -- JSON [[id, ifFailed], …]
  labels TEXT,                      -- JSON [tags, metadata, headers]
  start_by INTEGER,
  deadline_at INTEGER,
  cancel TEXT,                      -- JSON {reason, at}
  restarted_at INTEGER,
  made_by_user INTEGER NOT NULL DEFAULT 0,
  mark TEXT,                        -- nonce of the last command that changed it, and the outcome
  lane INTEGER NOT NULL DEFAULT 0,  -- 0: none
  due_by INTEGER                    -- what stands for its due time in line
) STRICT;
CREATE UNIQUE INDEX tasks_id ON tasks(id);
CREATE UNIQUE INDEX tasks_key ON tasks(unique_key) WHERE unique_key IS NOT NULL AND state < 4;
CREATE INDEX tasks_expiring ON tasks(expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tasks_final ON tasks(queue, state, finished_at) WHERE state >= 4;
CREATE INDEX tasks_blocked ON tasks(queue) WHERE blockers > 0; -- what has ended has none
CREATE INDEX tasks_held ON tasks(queue) WHERE held = 1 AND state = 1;
CREATE INDEX tasks_gate ON tasks(gate) WHERE gate IS NOT NULL;
CREATE INDEX tasks_due_by ON tasks(due_by) WHERE due_by IS NOT NULL AND state < 4;
CREATE INDEX tasks_lane ON tasks(lane) WHERE lane > 0;

-- large or binary data, so that rows of tasks stay small; key = 4 * seq + part (tasks.ts)
CREATE TABLE payloads(key INTEGER PRIMARY KEY, data ANY NOT NULL) STRICT;

-- progress and logs
CREATE TABLE notes(seq INTEGER PRIMARY KEY, fraction REAL, message TEXT, logs TEXT NOT NULL) STRICT;

-- what can be claimed: due, free, not held, first in its series; ord is the due time, or what stands for it.
-- Tasks without a lane stand in lane 0 of partition 0
CREATE TABLE ready(
  queue INTEGER, route INTEGER, level INTEGER, partition INTEGER, lane INTEGER, ord INTEGER, seq INTEGER,
  PRIMARY KEY(queue, route, level, partition, lane, ord, seq)
) STRICT, WITHOUT ROWID;

-- partitions that tasks name or that have settings; 0 are the tasks that name none
CREATE TABLE partitions(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  weight INTEGER,                   -- NULL: the default
  tasks INTEGER NOT NULL DEFAULT 0, -- how many live tasks it has, while there are budgets …
  bytes INTEGER NOT NULL DEFAULT 0  -- … and the sum of their sizes
) STRICT;
CREATE INDEX partitions_weight ON partitions(key) WHERE weight IS NOT NULL;

-- where tasks stand beside their route and level, and what they count under
CREATE TABLE lanes(
  key INTEGER PRIMARY KEY,
  partition INTEGER NOT NULL,
  lane TEXT NOT NULL,               -- JSON [partition, fifo, [[name, key, cost], …], prefers, spillMs] (lanes.ts)
  prefers INTEGER NOT NULL,         -- 1: some workers rather than others
  UNIQUE(partition, lane)
) STRICT;
CREATE INDEX lanes_preferring ON lanes(key) WHERE prefers = 1;

-- live tasks in strict order: the first place of a queue and a partition is the one that may be claimed
CREATE TABLE series(
  seq INTEGER PRIMARY KEY, queue INTEGER NOT NULL, partition INTEGER NOT NULL, place INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX series_place ON series(queue, partition, place);

-- what is allowed under a name
CREATE TABLE limits(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,         -- 0: nobody has set it, but one of its keys was shut
  nonce TEXT,
  concurrency INTEGER,
  rate TEXT,                        -- JSON
  set_by TEXT NOT NULL,
  shut_until INTEGER NOT NULL,
  configured_at INTEGER NOT NULL
) STRICT;

-- what was used of each key of a limit; one that is not there was not used
CREATE TABLE usages(
  key INTEGER PRIMARY KEY,
  limit_key INTEGER NOT NULL,
  name TEXT NOT NULL,
  used INTEGER NOT NULL DEFAULT 0,
  arrival_at REAL NOT NULL DEFAULT 0,
  shut_until INTEGER NOT NULL DEFAULT 0,
  UNIQUE(limit_key, name)
) STRICT;

-- what queues and partitions may hold and use
CREATE TABLE budgets(
  kind TEXT, name TEXT, budget TEXT NOT NULL, -- JSON of core's
  PRIMARY KEY(kind, name)
) STRICT, WITHOUT ROWID;

-- what was used of quotas: by each spender in each window
CREATE TABLE spendings(
  kind TEXT, name TEXT, since INTEGER, until INTEGER, spender TEXT,
  tasks INTEGER NOT NULL, handler_ms REAL NOT NULL,
  PRIMARY KEY(kind, name, since, until, spender)
) STRICT, WITHOUT ROWID;
CREATE INDEX spendings_until ON spendings(until);

-- what is free and not held, but was not due when last looked at
CREATE TABLE later(
  queue INTEGER, route INTEGER, run_at INTEGER, seq INTEGER,
  PRIMARY KEY(queue, route, run_at, seq)
) STRICT, WITHOUT ROWID;

-- one small row per running task; no index: there are only as many as there are slots
CREATE TABLE running(
  seq INTEGER PRIMARY KEY,
  queue INTEGER NOT NULL,
  session INTEGER NOT NULL,         -- 0: nobody's
  epoch INTEGER NOT NULL,
  nonce INTEGER NOT NULL,
  claimed_at INTEGER NOT NULL,
  extra INTEGER NOT NULL,           -- the task's
  weight INTEGER NOT NULL,          -- the task's
  told INTEGER NOT NULL DEFAULT 0,  -- 1: the task's history has this claim already, and the row is out of the ordinary
  settled INTEGER NOT NULL DEFAULT 0, -- number of the last settlement that left it running
  missed INTEGER NOT NULL DEFAULT 0,  -- how many renewals in a row did not list it
  deadline_at INTEGER,
  timeout_at INTEGER,
  cancel_at INTEGER,
  cause INTEGER,                    -- why it was taken over (reclaiming.ts) …
  taken_from INTEGER,               -- … and from which session
  counted TEXT                      -- keys of the usages that count it: 1,2,3; NULL: none
) STRICT;

-- what waits for what; kept until the child is final, so that retention leaves its parents alone. The triggers of a
-- child that was triggered stay open, and mean nothing any more
CREATE TABLE edges(
  parent INTEGER, open INTEGER, child INTEGER, if_failed INTEGER NOT NULL,
  PRIMARY KEY(parent, open, child)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_child ON edges(child);

-- ends of parents whose dependents were too many for the operation that ended them; a parent that started
-- over may end more than once, and who arrived up to the seq \`until\` waited for this end
CREATE TABLE undelivered(
  parent INTEGER, until INTEGER, succeeded INTEGER NOT NULL, PRIMARY KEY(parent, until)
) STRICT, WITHOUT ROWID;

CREATE TABLE gates(
  key INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  named_at INTEGER NOT NULL,
  state INTEGER NOT NULL DEFAULT 0, -- 0 closed, 1 open, 2 gone
  decided_at INTEGER
) STRICT;

CREATE TABLE sessions(
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  opened_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0,
  renewal INTEGER NOT NULL DEFAULT 0, -- number of the last renewal that counted
  since INTEGER NOT NULL,             -- when it was opened last
  profile TEXT NOT NULL,              -- JSON: where it runs and what it serves
  ordered_end TEXT,                   -- what operators want of it: 'drain' or 'stop' ...
  ordered_concurrency INTEGER         -- ... and how many handlers at the same time
) STRICT;

CREATE TABLE definitions(type TEXT PRIMARY KEY, definition TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- ids that stay known after their tasks were removed
CREATE TABLE tombstones(
  id BLOB PRIMARY KEY, digest TEXT NOT NULL, state INTEGER NOT NULL, until INTEGER NOT NULL, mark TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_until ON tombstones(until);

-- unique keys that are held for a time, whatever becomes of the task that began it
CREATE TABLE windows(key TEXT PRIMARY KEY, task BLOB NOT NULL, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX windows_until ON windows(until);

-- how many final tasks there are, and their bytes, so that neither retention nor readers have to count
CREATE TABLE volumes(
  queue INTEGER, state INTEGER, hour INTEGER, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
  PRIMARY KEY(queue, state, hour)
) STRICT, WITHOUT ROWID;

-- what processes remember of these, so that they need not read it again whenever another one has written
CREATE TRIGGER queues_inserted AFTER INSERT ON queues BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER queues_updated AFTER UPDATE OF paused, retention, configured ON queues BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER routes_inserted AFTER INSERT ON routes BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER terms_inserted AFTER INSERT ON terms BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER partitions_updated AFTER UPDATE OF weight ON partitions BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER partitions_deleted AFTER DELETE ON partitions BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER lanes_inserted AFTER INSERT ON lanes BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER lanes_deleted AFTER DELETE ON lanes BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER limits_inserted AFTER INSERT ON limits BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER limits_updated AFTER UPDATE ON limits BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER limits_deleted AFTER DELETE ON limits BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER budgets_inserted AFTER INSERT ON budgets BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER budgets_updated AFTER UPDATE ON budgets BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;
CREATE TRIGGER budgets_deleted AFTER DELETE ON budgets BEGIN
  UPDATE meta SET value = value + 1 WHERE name = 'settings';
END;

INSERT INTO meta VALUES ('floor', 0), ('seq', 0), ('settings', 0);
`
