/**
 * Where one task stands.
 *
 * Request: { id, how far to count, how many to look at }. Answer: 0 if it is not there, or { 1 if it is due and stands in line,
 * how many come before it by a higher level, by their place, 1 if these are all, first of its series | '', who holds its key | '',
 * its gate | '', when its queue was paused | -1, by whom with a t before it | '' }.
 *
 * What stands in sorted sets stands there exactly. Lists of ready tasks have entries that were left behind, too, so that
 * each of theirs is looked at; and they are in order but for what was pushed to one of their ends.
 */
export const STANDING_ONE: string = String.raw`
local FAR_BEHIND, PENDING = 1000, byte('p')
local T = load(IN[1])
if not T then return 0 end
local most, looksLeft = IN[2], IN[3]
local mine, higher, same, seen, sure = tonumber(T.x.db) or T.runAt, 0, 0, {}, true
local inLine = stateOf(T) == 'p' and not has(T, HELD) and T.runAt <= NOW and not follows(T)

-- @return whether it comes before the task
local function tell(id, level, ord, seq)
  if seen[id] or id == T.id or level > T.level then return false end
  if level == T.level and (ord > mine or (ord == mine and seq > T.seq)) then return false end
  seen[id] = true
  if level < T.level then higher = higher + 1 else same = same + 1 end
  return true
end
local function goesOn()
  if looksLeft > 0 and higher + same < most then return true end
  sure = false
  return false
end
-- an entry of a list that is no left-over of a task that has gone elsewhere
local function tellEntry(id, place)
  local v = call('GETRANGE', TASK .. id, 0, 54)
  if v == '' or byte(v, 1) ~= PENDING then return false end
  local flags, level, seq, _, runAt = decode('>I2BI6I6I6', v, 2)
  if band(flags, HELD) ~= 0 or level > T.level or runAt > NOW then return false end
  if level == T.level and (runAt > mine or (runAt == mine and seq > T.seq)) then return false end
  local lane = sub(v, 48, 55)
  if sub(v, 26, 28) .. sub(v, 4, 4) .. (lane == NOLANE and '' or lane) ~= place or sub(v, 23, 25) ~= T.q then return false end
  -- (only extras tell of entries that were left behind)
  if band(flags, EXTRA) ~= 0 and call('HEXISTS', P .. 'r', id) == 1 then return false end
  if byte(lane, 5) >= FIFO and call('ZRANGE', P .. 'P' .. T.q .. sub(lane, 1, 4), 0, 0)[1] ~= id then return false end
  return tell(id, level, runAt, seq)
end
local function tellList(place)
  local key, from, behind = P .. 'l' .. T.q .. place, 0, 0
  while goesOn() do
    local ids = call('LRANGE', key, from, from + 99)
    for _, id in ipairs(ids) do
      looksLeft = looksLeft - 1
      behind = tellEntry(id, place) and 0 or behind + 1
    end
    from = from + #ids
    if #ids < 100 or (behind >= FAR_BEHIND and byte(place, 4) == T.level) then return end
  end
end
local function tellOrdered(place, lane)
  local key, level = P .. '9' .. T.q .. place .. lane, byte(place, 4)
  if not goesOn() then return end
  local upTo = level == T.level and string.format('%.0f', mine) or '+inf'
  local flat = call('ZRANGEBYSCORE', key, '-inf', upTo, 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #flat, 2 do
    looksLeft = looksLeft - 1
    tell(sub(flat[i], 7), level, tonumber(flat[i + 1]), (decode('>I6', flat[i])))
  end
end
local function tellRing(place)
  for _, member in ipairs(call('ZRANGE', P .. '8' .. T.q .. place, 0, looksLeft)) do
    local lane = sub(member, 1, 8) == NOLANE and '' or sub(member, 1, 8)
    looksLeft = looksLeft - 1
    if #member == 8 then tellList(place .. lane) else tellOrdered(place, lane) end
  end
end
-- what has fallen due since anybody looked
local function tellDue(route)
  if not goesOn() then return end
  local flat = call('ZRANGEBYSCORE', P .. 'd' .. T.q .. route, '-inf', NOW, 'WITHSCORES', 'LIMIT', 0, most)
  for i = 1, #flat, 2 do
    local member = flat[i]
    local ord = #member == 37 and decode('>I6', member, 32) or tonumber(flat[i + 1])
    looksLeft = looksLeft - 1
    tell(sub(member, 7, 22), byte(member, 23), ord, (decode('>I6', member)))
  end
end
if inLine then
  local places = call('SMEMBERS', P .. 'a' .. T.q)
  -- those of higher levels first
  table.sort(places, function(a, b) return byte(a, 4) < byte(b, 4) or (byte(a, 4) == byte(b, 4) and a < b) end)
  for _, route in ipairs(call('ZRANGE', P .. 'n' .. T.q, 0, -1)) do tellDue(route) end
  for _, place in ipairs(places) do
    if byte(place, 4) <= T.level then
      if #place == 5 then tellRing(sub(place, 1, 4)) else tellList(place) end
    end
  end
  if higher + same >= most then sure = false end
  higher = math.min(higher, most)
  same = math.min(same, most - higher)
end
local first = isFifo(T) and not isFinal(T.state) and call('ZRANGE', seriesKey(T), 0, 0)[1]
local holder = T.x.u and call('HGET', P .. (T.x.um == 't' and 'V' or 'k'), T.x.u)
if holder and T.x.um == 't' and decode('>I6', holder, 17) <= NOW then holder = false end
local pause = call('HMGET', P .. 'q' .. T.q, 'paused', 'pausedAt', 'pausedBy')
local isPaused = pause[1] == '1'
return { inLine and 1 or 0, higher, same, sure and 1 or 0, first or '', holder and sub(holder, 1, 16) or '', T.x.g or '',
  isPaused and tonumber(pause[2] or '0') or -1, isPaused and pause[3] and 't' .. pause[3] or '' }
`
