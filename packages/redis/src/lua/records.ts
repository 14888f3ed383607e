/**
 * The record of a task: fixed columns, then its payload, or its result once it has succeeded.
 *
 *    1 state 1 (b p w s f c; a running task's record says p) · 2 flags 2 · 4 level 1 · 5 seq 6 · 11 enqueuedAt 6
 *   17 runAt 6 · 23 queue 3 · 26 route 3 · 29 terms 3 · 32 digest 16 · 48 lane 8 (lanes.ts)
 *   56 epoch 4 (of the last claim that ended)
 *   once a claim has ended, or the task is final (OWNED):
 *   60 nonce 8 (zeros: nobody's fence) · 68 session 16 · 84 claimedAt 6 (0: never) · 90 settled 4 · 94 verdict 1
 *   95 since 6 · 101 end 6 (its number in the log of ends) · 107 reason 1 · 108 weight 4
 *
 * A claim does not touch it: the claim of a running task is one entry of the hash r:
 *    1 columns 4 to 55 of the record · 53 epoch 4 · 57 nonce 8 · 65 session 16 · 81 claimedAt 6 · 87 flags 2 · 89 size of the payload 4
 * or, where there is more to say, instead of flags and size
 *   87 told 1 · 88 settled 4 · 92 attemptAt 6 · 98 missed 1 · 99 cause 1 · 100 from 16 · 116 cancelAt 6
 * As long as it is short (PLAIN_RUN bytes) nothing has touched the record since the claim, and it has all that a
 * success needs: each byte of a string costs Lua a nanosecond, so that payloads are not read only to be dropped.
 *
 * What most tasks do not have is in the hash x<id>: l labels, t terms of its own, a parents, u unique key, um what
 * holds it besides living (w waiting, t a time), rp whom it replaced, sm dm
 * (startBy and deadline as durations) sb dl (as times), db (dueBy), co (what it costs, where that is not 1), b blockers,
 * bt how many of them are triggers, g gate, e error, ck checkpoint, lg logs,
 * pr progress, c cancel request, n counters, h history, m mark of the last command, w since, d how many entries in
 * lists of ready ones were left behind.
 */
export const FLAGS: string = String.raw`
local HELD, EXTRA, BINARY, APART, USER, LIMITED, PARENT, OWNED, EMPTY, OPEN = 1, 2, 8, 16, 32, 64, 128, 256, 512, 1024
-- of the extras there are only labels
local LABELS = 2048
local PLAIN_RUN = 92
`

export const RECORDS: string = String.raw`
local NOBODY, NONONCE = string.rep('\0', 16), string.rep('\0', 8)

local function has(T, flag) return band(T.flags, flag) ~= 0 end
local function mark(T, flag, on)
  if has(T, flag) ~= on then T.flags = T.flags + (on and flag or -flag) end
end
local function readRun(rec)
  local run = { epoch = decode('>I4', rec, 53), nonce = sub(rec, 57, 64), session = sub(rec, 65, 80), claimedAt = decode('>I6', rec, 81),
    told = 0, settled = 0, attemptAt = 0, missed = 0, cause = 0, from = NOBODY, cancelAt = 0 }
  if #rec > PLAIN_RUN then
    run.told, run.settled, run.attemptAt, run.missed, run.cause = decode('>BI4I6BB', rec, 87)
    run.from, run.cancelAt = sub(rec, 100, 115), decode('>I6', rec, 116)
  end
  return run
end
local function columns(T)
  return char(T.level) .. pack('>I6I6I6', T.seq, T.enq, T.runAt) .. T.q .. T.route .. T.terms .. T.digest .. T.lane
end
local function writeRun(T)
  local run = T.run
  call('HSET', P .. 'r', T.id, columns(T) .. I4(run.epoch) .. run.nonce .. run.session .. I6(run.claimedAt) ..
    pack('>BI4I6BB', run.told, run.settled, run.attemptAt, run.missed, run.cause) .. run.from .. I6(run.cancelAt))
end
local function extras(id)
  local x, flat = {}, call('HGETALL', P .. 'x' .. id)
  for i = 1, #flat, 2 do x[flat[i]] = flat[i + 1] end
  return x
end
-- a task as a table; rec: its entry in r, or false
local function read(id, v, rec)
  local T = { id = id, q = sub(v, 23, 25), route = sub(v, 26, 28), terms = sub(v, 29, 31), digest = sub(v, 32, 47), lane = sub(v, 48, 55),
    level = byte(v, 4), state = sub(v, 1, 1), changed = {} }
  T.seq, T.enq, T.runAt = decode('>I6I6I6', v, 5)
  T.flags, T.base = (decode('>I2', v, 2)), (decode('>I4', v, 56))
  T.epoch = T.base
  if has(T, OWNED) then
    T.nonce, T.session, T.verdict = sub(v, 60, 67), sub(v, 68, 83), sub(v, 94, 94)
    T.claimedAt, T.settled = decode('>I6I4', v, 84)
    T.since, T.ended, T.reason, T.weight = decode('>I6I6BI4', v, 95)
    T.body = sub(v, 112)
  else
    T.nonce, T.session, T.verdict, T.claimedAt, T.settled = NONONCE, NOBODY, 'a', 0, 0
    T.since, T.ended, T.reason, T.weight = T.enq, 0, 0, 0
    T.body = sub(v, 60)
  end
  T.x = has(T, EXTRA) and extras(id) or {}
  if T.x.w and not has(T, OWNED) then T.since = tonumber(T.x.w) end
  if rec then
    T.run = readRun(rec)
    T.epoch = T.run.epoch
  end
  return T
end
local function load(id)
  local v = call('GET', P .. 't' .. id)
  return v and read(id, v, call('HGET', P .. 'r', id))
end
-- sets an extra; false removes it
local function put(T, field, value)
  T.x[field] = value or nil
  T.changed[field] = true
  if value then mark(T, EXTRA, true) end
  if field ~= 'l' then mark(T, LABELS, false) end
end
local function save(T)
  local set, del = {}, {}
  if not has(T, OWNED) and T.since ~= T.enq then put(T, 'w', string.format('%.0f', T.since)) end
  for field in pairs(T.changed) do
    if T.x[field] then set[#set + 1] = field; set[#set + 1] = T.x[field] else del[#del + 1] = field end
  end
  if #set > 0 then call('HSET', P .. 'x' .. T.id, unpack(set)) end
  if #del > 0 then call('HDEL', P .. 'x' .. T.id, unpack(del)) end
  T.changed = {}
  local own = ''
  if has(T, OWNED) then
    own = T.nonce .. T.session .. pack('>I6I4', T.claimedAt, T.settled) .. T.verdict ..
      pack('>I6I6BI4', T.since, T.ended, T.reason, T.weight)
  end
  call('SET', P .. 't' .. T.id, T.state .. pack('>I2', T.flags) .. columns(T) .. I4(T.run and T.base or T.epoch) .. own .. T.body)
  if T.run then writeRun(T) end
end
local function stateOf(T) return T.run and 'r' or T.state end
local function isFinal(state) return state == 's' or state == 'f' or state == 'c' end
local function bodySize(T)
  if has(T, APART) then return (decode('>I4', T.body)) end
  return #T.body
end
-- the parents of a task: a list of { id, what becomes of it if they fail }
local function parentsOf(T)
  local parents, a = {}, T.x.a or ''
  for i = 1, #a, 17 do parents[#parents + 1] = { sub(a, i, i + 15), sub(a, i + 16, i + 16) } end
  return parents
end

-- counters: failures, crashes, isolated crashes, returns, snoozes, parks, generation
local FAILURES, CRASHES, ISOLATED, RETURNS, SNOOZES, PARKS, GENERATION = 1, 2, 3, 4, 5, 6, 7
local function countersOf(T)
  if not T.x.n then return { 0, 0, 0, 0, 0, 0, 0 } end
  local n = { decode('>I4I4I4I4I4I4I4', T.x.n) }
  n[8] = nil
  return n
end
local function putCounters(T, n) put(T, 'n', pack('>I4I4I4I4I4I4I4', unpack(n))) end
local function countEnd(T, ...)
  local n = countersOf(T)
  for _, counter in ipairs({ ... }) do n[counter] = n[counter] + 1 end
  putCounters(T, n)
end
-- the first time limit that ends a task which does not run, and its name; claims that were returned did not start it
local function limitOf(T)
  if not has(T, LIMITED) then return nil end
  local startBy, deadline = tonumber(T.x.sb), tonumber(T.x.dl)
  if startBy then
    local n = countersOf(T)
    local started = n[FAILURES] + n[CRASHES] + n[SNOOZES] + n[PARKS] > 0 or has(T, OPEN)
    if not started and (not deadline or startBy <= deadline) then return startBy, 'expired' end
  end
  return deadline, 'timeout'
end
`

/**
 * The history of a task: entries of letter 1 · at 6 · epoch 4 · session 16 (zeros: nobody) · length 2 · detail.
 * While a task runs the entry of its claim is not written; nor is anything of a task that was enqueued, claimed
 * and succeeded: its record says it all.
 */
export const HISTORY: string = String.raw`
local function entry(letter, at, epoch, session, detail)
  local text = sub(detail or '', 1, 400)
  return letter .. pack('>I6I4', at, epoch) .. session .. pack('>I2', #text) .. text
end
local function trimmed(h)
  if #h < 29 * 100 then return h end
  local starts, at = {}, 1
  while at <= #h do
    starts[#starts + 1] = at
    at = at + 29 + decode('>I2', h, at + 27)
  end
  return #starts > 100 and sub(h, starts[#starts - 99]) or h
end
local function record(T, letter, detail, session)
  local h, run = T.x.h, T.run
  if letter == 's' and not h and run and run.told == 0 then return end
  h = h or entry('e', T.enq, 0, NOBODY)
  if run and run.told == 0 then
    h = h .. entry('c', run.claimedAt, run.epoch, run.session)
    run.told = 1
  end
  put(T, 'h', trimmed(h .. entry(letter, NOW, T.epoch, session or NOBODY, detail)))
end
`
