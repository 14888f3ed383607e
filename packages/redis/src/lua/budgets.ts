/** What queues and partitions hold and use. Queues count with the rest of what they count (opening.ts). */

/** What partitions hold: only of tasks that have one is anything written. `finish` writes it (opening.ts). */
export const HOLDING: string = String.raw`
local NOPARTITION = string.rep('\0', 4)
-- so many live tasks more in a lane, and bytes of their payloads
local function hold(lane, tasks, bytes)
  local partition = sub(lane, 1, 4)
  if partition == NOPARTITION then return end
  holdings = holdings or {}
  holdings[partition] = (holdings[partition] or 0) + tasks
  holdings[partition .. 'b'] = (holdings[partition .. 'b'] or 0) + bytes
end
`

/** configureBudget. Request: { scope, JSON | false }. Answer: 1, or 0 if there are too many. */
export const CONFIGURE_BUDGET: string = String.raw`
local BUDGETS_MAX = 1000
local key, scope, text = P .. 'I', IN[1], IN[2]
if not text then call('HDEL', key, scope); return 1 end
if call('HEXISTS', key, scope) == 0 and call('HLEN', key) >= BUDGETS_MAX then return 0 end
call('HSET', key, scope, text)
return 1
`

/** budgets. Answer: their scopes and JSON as a flat list. */
export const BUDGETS: string = String.raw`
return call('HGETALL', P .. 'I')
`

/**
 * usage. Request: { 'queue' | 'partition', name, window and scope | false, … }. Answer: { now, live tasks, bytes of
 * their payloads, tasks spent, time spent, … }, the times as texts.
 */
export const USAGE: string = String.raw`
local function heldBy(kind, name)
  if kind == 'partition' then
    local partition = call('HGET', P .. '5', name)
    local n = partition and call('HMGET', P .. '0', partition, partition .. 'b') or {}
    return tonumber(n[1] or 0), tonumber(n[2] or 0)
  end
  local q = call('HGET', P .. 'Q', name)
  local n = q and call('HMGET', P .. 'q' .. q, 'b', 'h', 'p', 'r', 'L') or {}
  local tasks = 0
  for i = 1, 4 do tasks = tasks + tonumber(n[i] or 0) end
  return tasks, tonumber(n[5] or 0)
end
local function spentIn(window)
  local tasks, ms = 0, 0
  for _, totals in ipairs(window and call('HVALS', P .. 'I' .. window) or {}) do
    local one, other = string.match(totals, '^(%S+) (%S+)$')
    tasks, ms = tasks + tonumber(one), ms + tonumber(other)
  end
  return tasks, string.format('%.17g', ms)
end
local answer = { NOW }
for i = 1, #IN, 3 do
  local n = #answer
  answer[n + 1], answer[n + 2] = heldBy(IN[i], IN[i + 1])
  answer[n + 3], answer[n + 4] = spentIn(IN[i + 2])
end
return answer
`

/**
 * spend: keeps the greatest totals that a spender has told of each window that is not over. Request: { spender,
 * window and scope, its end, tasks, time, … }, the totals as texts.
 */
export const SPEND: string = String.raw`
local function greatest(one, other) return tonumber(one) >= tonumber(other) and one or other end
for i = 2, #IN, 4 do
  local window, till, tasks, ms = IN[i], IN[i + 1], IN[i + 2], IN[i + 3]
  if till > NOW then
    local told = call('HGET', P .. 'I' .. window, IN[1])
    local before, msBefore = string.match(told or '0 0', '^(%S+) (%S+)$')
    call('HSET', P .. 'I' .. window, IN[1], greatest(before, tasks) .. ' ' .. greatest(msBefore, ms))
    if not told then call('ZADD', P .. 'Iw', till, window) end
  end
end
return 1
`

/** Forgets what was spent in windows that are over. They do not expire by themselves: store time may be ahead of the server's. */
export const FORGET_SPENDINGS: string = String.raw`
local WINDOWS_MAX = 1000
local function forgetSpendings()
  local over = call('ZRANGEBYSCORE', P .. 'Iw', '-inf', NOW, 'LIMIT', 0, WINDOWS_MAX)
  for _, window in ipairs(over) do
    call('DEL', P .. 'I' .. window)
    call('ZREM', P .. 'Iw', window)
  end
  return #over == WINDOWS_MAX
end
`
