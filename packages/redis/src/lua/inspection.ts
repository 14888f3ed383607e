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
 * the state of a tombstone, 0 if the id is unknown, 1 for later.
 */
export const OUTCOMES: string = String.raw`
local answers, keys, left, ids = {}, {}, IN[1], IN[2]
if #ids == 0 then return answers end
for i, id in ipairs(ids) do keys[i] = P .. 't' .. id end
local values, recs, full = call('MGET', unpack(keys)), call('HMGET', P .. 'r', unpack(ids)), false
for i, id in ipairs(ids) do
  local v = values[i]
  local size = v and sub(v, 1, 1) == 's' and #v - 103 or 0
  full = full or (i > 1 and size > left)
  left = left - size
  if full then answers[i] = 1
  elseif not v then
    local z = tombstone(id)
    answers[i] = z and z.state or 0
  else
    local x = {}
    if has({ flags = decode('>I2', v, 2) }, EXTRA) then x = call('HMGET', P .. 'x' .. id, 'e', 'c') end
    answers[i] = { size > 0 and v or sub(v, 1, 103), recs[i] or '', x[1] or '', x[2] or '' }
  end
end
return answers
`

/**
 * page: tasks in the order of a log, newest first or oldest first. Request: { 'A' | 'E', place | -1, how many,
 * 'down' | 'up' }. Answer: { now, where to go on | -1, { id, record, claim | '', extras, … } }.
 */
export const PAGE: string = String.raw`
local name, place, most, down = IN[1], IN[2], IN[3], IN[4] == 'down'
local found, looked, steps = {}, 0, 0
local function look(n, id)
  local v = call('GET', P .. 't' .. id)
  if not v then return end
  local mine = name == 'A' and decode('>I6', v, 5) or -1
  if name == 'E' and band(decode('>I2', v, 2), OWNED) ~= 0 and isFinal(sub(v, 1, 1)) then mine = decode('>I6', v, 93) end
  if mine ~= n then return end
  local x = has({ flags = decode('>I2', v, 2) }, EXTRA) and call('HGETALL', P .. 'x' .. id) or {}
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

/** queues. Answer: per queue { its hash, how many are scheduled, when the oldest ready one became due | -1 }. */
export const QUEUES: string = String.raw`
local WINDOW = 1000
local answers = {}
local function oldestIn(q, lane)
  local oldest = nil
  for _, id in ipairs(call('LRANGE', P .. 'l' .. q .. lane, 0, WINDOW - 1)) do
    local v = call('GETRANGE', P .. 't' .. id, 0, 50)
    if v ~= '' and sub(v, 1, 1) == 'p' and sub(v, 4, 4) == sub(lane, 4) and band(decode('>I2', v, 2), HELD) == 0 then
      local runAt = decode('>I6', v, 17)
      if runAt <= NOW and (not oldest or runAt < oldest) and call('HEXISTS', P .. 'r', id) == 0 then oldest = runAt end
    end
  end
  return oldest
end
local names = call('HGETALL', P .. 'Q')
for i = 1, #names, 2 do
  local q, scheduled, oldest = names[i + 1], 0, nil
  local function older(at) if at and (not oldest or at < oldest) then oldest = at end end
  for _, route in ipairs(call('ZRANGE', P .. 'n' .. q, 0, -1)) do
    scheduled = scheduled + call('ZCOUNT', P .. 'd' .. q .. route, '(' .. string.format('%.0f', NOW), '+inf')
    local first = tonumber(call('ZSCORE', P .. 'n' .. q, route))
    if first <= NOW then older(first) end
  end
  for _, lane in ipairs(call('SMEMBERS', P .. 'a' .. q)) do older(oldestIn(q, lane)) end
  answers[#answers + 1] = { names[i], call('HGETALL', P .. 'q' .. q), scheduled, oldest or -1 }
end
return answers
`

/** sessions whose lease holds. Answer: { id, opened, ends, profile, how many tasks run, … }. */
export const SESSIONS: string = String.raw`
local answer = {}
for _, session in ipairs(call('ZRANGEBYSCORE', P .. 'S', '(' .. string.format('%.0f', NOW), '+inf')) do
  local s = call('HMGET', P .. 's' .. session, 'o', 'x', 'p')
  for _, value in ipairs({ session, s[1], s[2], s[3], call('SCARD', P .. 'u' .. session) }) do answer[#answer + 1] = value end
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
