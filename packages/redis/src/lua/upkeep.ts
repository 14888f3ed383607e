/** Duties that nobody waits for. Each takes { tasks max, … } and answers { changed, whether there is more }. */

/** sweep: ends what waited too long, and removes what waits behind gates that nobody opened. */
export const SWEEP: string = String.raw`
local most, changed = IN[1], 0
for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'e', '-inf', NOW, 'LIMIT', 0, most)) do
  local T = load(id)
  local at, name
  if T and not T.run and not isFinal(T.state) then at, name = limitOf(T) end
  if at and at <= NOW then
    outlive(T, name)
    changed = changed + 1
  else
    call('ZREM', P .. 'e', id)
    if at then call('ZADD', P .. 'e', at, id) end
  end
end
local more = call('ZCOUNT', P .. 'e', '-inf', NOW) > 0 and 1 or 0
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'h', '-inf', NOW, 'LIMIT', 0, 100)) do
  local gate = gateNamed(name)
  if gate and gate.fate == 'g' then
    if changed < most then
      for _, id in ipairs(call('SRANDMEMBER', P .. 'G' .. name, most - changed)) do
        local T = load(id)
        if T then removeTask(T, ''); changed = changed + 1 end
        call('SREM', P .. 'G' .. name, id)
      end
    end
    if call('EXISTS', P .. 'G' .. name) == 1 then more = 1
    else call('ZADD', P .. 'h', math.max(gate.at + GATE_KEPT_MS, NOW + 1), name) end
  elseif gate then
    call('ZADD', P .. 'h', NOW + GATE_KEPT_MS, name)
  end
end
tellDependents()
finish()
return { changed, more }
`

/** deliver: resolves edges to ended parents, and lets through who waited behind opened gates. */
export const DELIVER: string = String.raw`
resolutions = IN[1]
local changed = tellDependents()
local name = resolutions > 0 and call('SRANDMEMBER', P .. 'v')
if name then openUp(name) end
finish()
return { changed, (call('EXISTS', P .. 'b') == 1 or call('EXISTS', P .. 'v') == 1) and 1 or 0 }
`

/** openGate. Request: { name }. Answer: { 'o' | 'g', whether more has to be let through }. */
export const OPEN_GATE: string = String.raw`
local name = IN[1]
local gate = gateNamed(name)
local fate = gate and gate.fate
if not gate then
  call('HSET', P .. 'g' .. name, 'n', NOW)
  fate = 'g'
  decideGate(name, fate)
elseif not fate then
  fate = 'o'
  decideGate(name, fate)
end
local more = fate == 'o' and openUp(name) or 0
finish()
return { fate, more }
`

/**
 * prune: removes final tasks beyond retention, ids whose time is over, and dead sessions.
 *
 * Request: { tasks max, retention of queues that have none: 'succeeded ms, cancelled ms, failed ms, count, bytes', each
 * a number or - }.
 */
export const PRUNE: string = String.raw`
local most, changed = IN[1], 0
local SESSIONS_KEPT_MS, GHOSTS_MAX, TOMBSTONES_MAX = 172800000, 1000, 250000
-- what is looked at without being removed is bounded, too: everybody else waits meanwhile
local STEPS_MAX, steps = 4000, 0
local function full() return changed >= most or steps >= STEPS_MAX end
local function bounds(text)
  local of = {}
  for value in string.gmatch(text, '[^,]+') do of[#of + 1] = tonumber(value) or false end
  return { s = of[1], c = of[2], f = of[3], count = of[4], bytes = of[5] }
end
local function listKey(q, state) return P .. 'f' .. q .. state end
-- the oldest final task of a state; what is not there any more, or not so any more, is dropped on the way
local function oldest(q, state)
  local key = listKey(q, state)
  while steps < STEPS_MAX do
    local first = call('LINDEX', key, 0)
    if not first then return nil end
    local id = sub(first, 1, 16)
    local v = call('GETRANGE', P .. 't' .. id, 0, 110)
    if #v == 111 and sub(v, 1, 1) == state and sub(v, 101, 106) == sub(first, 17) then
      return { id = id, q = q, state = state, since = decode('>I6', v, 95), ended = decode('>I6', v, 101), weight = decode('>I4', v, 108) }
    end
    call('LPOP', key)
    steps = steps + 1
  end
end
-- removes it, or passes it over for good as long as a live task has it as its parent
local function drop(final)
  call('LPOP', listKey(final.q, final.state))
  if call('HEXISTS', P .. 'i', final.id) == 1 then
    call('HSET', P .. 'K', final.id, final.q .. final.state .. I6(final.ended) .. I4(final.weight))
    count(final.q, 'N', -1); count(final.q, 'B', -final.weight)
    steps = steps + 1
    return
  end
  removeTask(load(final.id), '')
  changed = changed + 1
end
local function dropOld(q, state, ms)
  while ms and not full() do
    local final = oldest(q, state)
    if not final or final.since + ms > NOW then return end
    drop(final)
  end
end
local function surplus(q, field, most)
  if not most then return 0 end
  return (tonumber(call('HGET', P .. 'q' .. q, field) or 0)) + ((counts[q] or {})[field] or 0) - most
end
local function dropMany(q, of)
  local tasks, bytes = surplus(q, 'N', of.count), surplus(q, 'B', of.bytes)
  while (tasks > 0 or bytes > 0) and not full() do
    local first = nil
    for _, state in ipairs({ 's', 'f', 'c' }) do
      local final = oldest(q, state)
      if final and (not first or final.ended < first.ended) then first = final end
    end
    if not first then return end
    drop(first)
    tasks, bytes = tasks - 1, bytes - first.weight
  end
end
local queues = call('HVALS', P .. 'Q')
local usual = bounds(IN[2])
local function boundsOf(q)
  local own = call('HGET', P .. 'q' .. q, 'keeps')
  return own and bounds(own) or usual
end
local function hasFinals(q) return call('EXISTS', listKey(q, 's'), listKey(q, 'f'), listKey(q, 'c')) > 0 end
for _, q in ipairs(queues) do
  if full() then break end
  if hasFinals(q) then
    local of = boundsOf(q)
    for _, state in ipairs({ 's', 'f', 'c' }) do dropOld(q, state, of[state]) end
    dropMany(q, of)
  end
end
-- ids whose time is over, and the oldest of too many
local function forget(id)
  call('HDEL', P .. 'z', id)
  call('ZREM', P .. 'Z', id)
  changed = changed + 1
end
local function tombstonesOver() return math.max(call('ZCARD', P .. 'Z') - TOMBSTONES_MAX, 0) end
local over = full() and {} or call('ZRANGEBYSCORE', P .. 'Z', '-inf', NOW, 'LIMIT', 0, most - changed)
for _, id in ipairs(over) do forget(id) end
local surplusTombstones = math.min(tombstonesOver(), most - changed)
if surplusTombstones > 0 then
  for _, id in ipairs(call('ZRANGE', P .. 'Z', 0, surplusTombstones - 1)) do forget(id) end
end
local function forgetWindow(key)
  call('HDEL', P .. 'V', key)
  call('ZREM', P .. 'U', key)
  changed = changed + 1
end
local windows = full() and {} or call('ZRANGEBYSCORE', P .. 'U', '-inf', NOW, 'LIMIT', 0, most - changed)
for _, key in ipairs(windows) do forgetWindow(key) end
-- entries that removed tasks left at the front of lists: where nobody takes from a list, only this ever clears it
local ghosts = 0
local function isGhost(id) return call('EXISTS', P .. 't' .. id) == 0 end
local function dropGhosts(key)
  while ghosts < GHOSTS_MAX do
    local ids, through = call('LRANGE', key, 0, 99), 0
    while ids[through + 1] and isGhost(ids[through + 1]) do
      through = through + 1
      if call('HINCRBY', P .. 'Y', ids[through], -1) <= 0 then call('HDEL', P .. 'Y', ids[through]) end
    end
    ghosts = ghosts + through
    if through > 0 then call('LTRIM', key, through, -1) end
    if through < 100 then return end
  end
end
-- some lanes of a ring, from another one on each time
local function dropGhostsOfRing(q, lane)
  local key = P .. '8' .. q .. lane
  local first = math.max(call('ZCARD', key) - 500, 0)
  for _, member in ipairs(call('ZRANGE', key, NOW % (first + 1), NOW % (first + 1) + 499)) do
    if #member == 8 and ghosts < GHOSTS_MAX then
      dropGhosts(P .. 'l' .. q .. lane .. member)
      if call('EXISTS', P .. 'l' .. q .. lane .. member) == 0 then
        lanes().leaveRing(q, sub(lane, 1, 3), byte(lane, 4), member)
      end
    end
  end
end
local function dropGhostsOf(q)
  for _, lane in ipairs(call('SMEMBERS', P .. 'a' .. q)) do
    if #lane == 5 then dropGhostsOfRing(q, sub(lane, 1, 4))
    else
      dropGhosts(P .. 'l' .. q .. lane)
      if call('EXISTS', P .. 'l' .. q .. lane) == 0 then call('SREM', P .. 'a' .. q, lane) end
    end
  end
end
if call('EXISTS', P .. 'Y') == 1 then
  for _, q in ipairs(queues) do dropGhostsOf(q) end
end
for _, session in ipairs(call('ZRANGEBYSCORE', P .. 'X', '-inf', NOW - SESSIONS_KEPT_MS, 'LIMIT', 0, 100)) do
  call('DEL', P .. 's' .. session)
  call('ZREM', P .. 'X', session)
end
local function hasMore(q)
  local of = boundsOf(q)
  for _, state in ipairs({ 's', 'f', 'c' }) do
    local final = of[state] and oldest(q, state)
    if final and final.since + of[state] <= NOW then return true end
  end
  return surplus(q, 'N', of.count) > 0 or surplus(q, 'B', of.bytes) > 0
end
local lanesLeft = forgetLanes()
forgetKeys()
local windowsLeft = forgetSpendings()
local more = (ghosts >= GHOSTS_MAX or lanesLeft or windowsLeft) and 1 or 0
if full() then
  for _, q in ipairs(queues) do
    if more == 1 or steps >= STEPS_MAX then more = 1; break end
    if hasFinals(q) and hasMore(q) then more = 1 end
  end
  if call('ZCOUNT', P .. 'Z', '-inf', NOW) > 0 or tombstonesOver() > 0 then more = 1 end
  if call('ZCOUNT', P .. 'U', '-inf', NOW) > 0 then more = 1 end
end
finish()
return { changed, more }
`
