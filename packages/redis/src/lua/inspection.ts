/** What readers see. None of these scripts writes anything. */

/** get. Request: { id, … }. Answer: per id { record, claim | '', extras, payload that stands apart | '' }, or 0. */
export const GET: string = String.raw`
local answers, keys = {}, {}
if #IN == 0 then return answers end
for i, id in ipairs(IN) do keys[i] = P .. 't' .. id end
local values, recs = call('MGET', unpack(keys)), call('HMGET', P .. 'r', unpack(IN))
for i, id in ipairs(IN) do
  local v = values[i]
  if not v then answers[i] = 0
  else
    local T = { flags = decode('>I2', v, 2) }
    local apart = has(T, APART) and call('GET', P .. 'p' .. id) or ''
    answers[i] = { v, recs[i] or '', has(T, EXTRA) and call('HGETALL', P .. 'x' .. id) or {}, apart }
  end
end
return answers
`

/**
 * outcomes. Request: { bytes max, { id, … } }. Answer: per id { record, claim | '', error | '', cancel request | '' },
 * the state of a tombstone, 0 if the id is unknown, 1 for later. Large results are read only if they are answered.
 */
export const OUTCOMES: string = String.raw`
local FIRST = 4096
local answers, left, ids = {}, IN[1], IN[2]
if #ids == 0 then return answers end
local recs, full = call('HMGET', P .. 'r', unpack(ids)), false
local function recordOf(id)
  local v = call('GETRANGE', P .. 't' .. id, 0, FIRST - 1)
  if #v == FIRST and sub(v, 1, 1) == 's' then return call('GET', P .. 't' .. id) end
  return v ~= '' and v
end
for i, id in ipairs(ids) do
  local v = not full and recordOf(id)
  local size = v and sub(v, 1, 1) == 's' and #v - 111 or 0
  full = full or (i > 1 and size > left)
  left = left - size
  if full then answers[i] = 1
  elseif not v then
    local z = tombstone(id)
    answers[i] = z and z.state or 0
  else
    local x = {}
    if has({ flags = decode('>I2', v, 2) }, EXTRA) then x = call('HMGET', P .. 'x' .. id, 'e', 'c') end
    answers[i] = { size > 0 and v or sub(v, 1, 111), recs[i] or '', x[1] or '', x[2] or '' }
  end
end
return answers
`

/**
 * page: tasks in the order of a log, newest first or oldest first. Request: { 'A' | 'E', place | -1, how many,
 * 'down' | 'up' }. Answer: { now, where to go on | -1, { id, record, claim | '', extras, … } }: of each task what a
 * list shows, not what may be large.
 */
export const PAGE: string = String.raw`
local name, place, most, down = IN[1], IN[2], IN[3], IN[4] == 'down'
local found, looked, steps = {}, 0, 0
local SHOWN = { 'l', 't', 'n', 'e', 'sb', 'dl', 'c', 'b', 'u', 'pr', 'db', 'co' }
local function shown(id)
  local flat, values = {}, call('HMGET', P .. 'x' .. id, unpack(SHOWN))
  for i, field in ipairs(SHOWN) do
    if values[i] then flat[#flat + 1] = field; flat[#flat + 1] = values[i] end
  end
  return flat
end
local function look(n, id)
  local v = call('GETRANGE', P .. 't' .. id, 0, 110)
  if v == '' then return end
  local mine = name == 'A' and decode('>I6', v, 5) or -1
  if name == 'E' and band(decode('>I2', v, 2), OWNED) ~= 0 and isFinal(sub(v, 1, 1)) then mine = decode('>I6', v, 101) end
  if mine ~= n then return end
  local x = has({ flags = decode('>I2', v, 2) }, EXTRA) and shown(id) or {}
  for _, value in ipairs({ id, v, call('HGET', P .. 'r', id) or '', x }) do found[#found + 1] = value end
  looked = looked + 1
end
-- the next number to look at is place; down goes towards 0
if down and place < 0 then place = logs[name].next - 1 end
while looked < most and steps < 5000 do
  local chunk
  if down then chunk = place >= 0 and call('ZREVRANGEBYSCORE', P .. 'C' .. name, math.floor(place / CHUNK), 0, 'LIMIT', 0, 1)[1]
  else chunk = call('ZRANGEBYSCORE', P .. 'C' .. name, math.floor(place / CHUNK), '+inf', 'LIMIT', 0, 1)[1] end
  if not chunk then place = -1; break end
  chunk = tonumber(chunk)
  local ids = call('GET', P .. name .. chunk) or ''
  local size, base = #ids / 16, chunk * CHUNK
  if down then place = math.min(place, base + size - 1) else place = math.max(place, base) end
  while place >= base and place < base + size and looked < most do
    local at = (place - base) * 16
    look(place, sub(ids, at + 1, at + 16))
    place, steps = place + (down and -1 or 1), steps + 1
  end
  if not down and place >= base + size then place = base + CHUNK end
  if down and place < 0 then break end
end
if not down and place >= logs[name].next then place = -1 end
return { NOW, place, found }
`

/** When the first that is ready in a list or a ring became due, as far as a look at some shows. */
export const READY: string = String.raw`
local WINDOW, SOME = 1000, 20
-- when it became due; nil for what is not ready in this list
local function readySince(id, level)
  local v = call('GETRANGE', P .. 't' .. id, 0, 50)
  if v == '' or sub(v, 1, 1) ~= 'p' or sub(v, 4, 4) ~= level or band(decode('>I2', v, 2), HELD) ~= 0 then return nil end
  local runAt = decode('>I6', v, 17)
  return runAt <= NOW and call('HEXISTS', P .. 'r', id) == 0 and runAt or nil
end
-- among some at the front: what became ready out of turn may stand further behind
local function oldestInList(key, level)
  local oldest, found = nil, 0
  for from = 0, WINDOW - 1, SOME do
    local ids = call('LRANGE', key, from, from + SOME - 1)
    for _, id in ipairs(ids) do
      local runAt = readySince(id, level)
      if runAt then found, oldest = found + 1, math.min(oldest or runAt, runAt) end
    end
    if #ids < SOME or found >= SOME then break end
  end
  return oldest
end
-- among some at the front of some lanes
local function oldestInRing(q, place)
  local oldest
  for _, member in ipairs(call('ZRANGE', P .. '8' .. q .. place, 0, SOME - 1)) do
    local own = sub(member, 1, 8) == NOLANE and '' or sub(member, 1, 8)
    local at = #member == 8 and oldestInList(P .. 'l' .. q .. place .. own, sub(place, 4)) or nil
    for _, arrival in ipairs(#member > 8 and call('ZRANGE', P .. '9' .. q .. place .. own, 0, SOME - 1) or {}) do
      local runAt = readySince(sub(arrival, 7), sub(place, 4))
      if runAt then at = math.min(at or runAt, runAt) end
    end
    if at then oldest = math.min(oldest or at, at) end
  end
  return oldest
end
local function oldestIn(q, lane)
  if #lane == 5 then return oldestInRing(q, sub(lane, 1, 4)) end
  return oldestInList(P .. 'l' .. q .. lane, sub(lane, 4))
end
`

/** queues. Answer: per queue { its hash, how many are scheduled, when the oldest ready one became due | -1 }. */
export const QUEUES: string = String.raw`
local answers = {}
local names = call('HGETALL', P .. 'Q')
for i = 1, #names, 2 do
  local q, scheduled, oldest = names[i + 1], 0, nil
  local function older(at) if at and (not oldest or at < oldest) then oldest = at end end
  local waiting = tonumber(call('HGET', P .. 'q' .. q, 'p') or 0) > 0
  for _, route in ipairs(waiting and call('ZRANGE', P .. 'n' .. q, 0, -1) or {}) do
    scheduled = scheduled + call('ZCOUNT', P .. 'd' .. q .. route, '(' .. string.format('%.0f', NOW), '+inf')
    local first = tonumber(call('ZSCORE', P .. 'n' .. q, route))
    if first <= NOW then older(first) end
  end
  for _, lane in ipairs(waiting and call('SMEMBERS', P .. 'a' .. q) or {}) do older(oldestIn(q, lane)) end
  local behind = P .. 'P' .. q
  scheduled = scheduled + call('ZCOUNT', behind, '(' .. string.format('%.0f', NOW), '+inf')
  local first = tonumber(call('ZRANGE', behind, 0, 0, 'WITHSCORES')[2])
  if first and first <= NOW then older(first) end
  answers[#answers + 1] = { names[i], call('HGETALL', P .. 'q' .. q), scheduled, oldest or -1 }
end
return answers
`

/** waitingRoutes. Answer: { queue, route, when its first task became due, … }. */
export const WAITING: string = String.raw`
local answers = {}
for _, q in ipairs(call('HVALS', P .. 'Q')) do
  local since, waiting = {}, tonumber(call('HGET', P .. 'q' .. q, 'p') or 0) > 0
  local function older(route, at) if at and at <= NOW and (not since[route] or at < since[route]) then since[route] = at end end
  for _, route in ipairs(waiting and call('ZRANGE', P .. 'n' .. q, 0, -1) or {}) do
    older(route, tonumber(call('ZSCORE', P .. 'n' .. q, route)))
  end
  for _, lane in ipairs(waiting and call('SMEMBERS', P .. 'a' .. q) or {}) do older(sub(lane, 1, 3), oldestIn(q, lane)) end
  for route, at in pairs(since) do
    for _, value in ipairs({ q, route, at }) do answers[#answers + 1] = value end
  end
end
return answers
`

/** dueSoon. Request: { since ms, within ms, how many }. Answer: { id, queue and route, dueBy, … }. */
export const DUE_SOON: string = String.raw`
local answer = {}
local flat = call('ZRANGEBYSCORE', P .. 'O', NOW - IN[1], NOW + IN[2], 'WITHSCORES', 'LIMIT', 0, IN[3])
for i = 1, #flat, 2 do
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = flat[i], call('GETRANGE', TASK .. flat[i], 22, 27), tonumber(flat[i + 1])
end
return answer
`

/** sessions whose lease holds. Answer: { id, opened, ends, profile, how many tasks run, opened last, end and handlers as ordered, … }. */
export const SESSIONS: string = String.raw`
local answer = {}
for _, session in ipairs(call('ZRANGEBYSCORE', P .. 'S', '(' .. string.format('%.0f', NOW), '+inf')) do
  local s = call('HMGET', P .. 's' .. session, 'o', 'x', 'p', 'b', 'e', 'c')
  for _, value in ipairs({ session, s[1], s[2], s[3], call('SCARD', P .. 'u' .. session), s[4], s[5] or '', s[6] or '' }) do answer[#answer + 1] = value end
end
return answer
`

/** definitions. Answer: their JSON. */
export const DEFINITIONS: string = String.raw`
return call('HVALS', P .. 'D')
`

/** now. Answer: store time. */
export const TIME_NOW: string = String.raw`
return NOW
`
