/**
 * Lanes: the tasks of a route and a level that have the same partition and the same keys. A lane has eight bytes: four
 * of its partition, four of its own, of which FIFO, KEYED and ROUTED say what must be looked at. Ordinary tasks are in the lane
 * of zeros; where lanes are parts of keys that one is ''.
 *
 * What is ready of the others is in a list each, and a ring names those that are not empty, in the order of their
 * partitions; so it does for the tasks of any lane that stand by their dueBy, which are in a sorted set instead.
 */
export const LANE_BYTES: string = String.raw`
local NOLANE, FIFO, KEYED, ROUTED = string.rep('\0', 8), 128, 64, 32
`

/** What most calls do not need of them. */
export const STANDING: string = String.raw`
local ringed = {}
local function ringKey(q, route, level) return P .. '8' .. q .. route .. char(level) end
local function orderKey(q, route, level, lane) return P .. '9' .. q .. route .. char(level) .. lane end
-- member: the lane, and a y for its sorted set
local function enterRing(q, route, level, member)
  local key = ringKey(q, route, level)
  call('ZADD', key, 0, member)
  if ringed[key] then return end
  ringed[key] = true
  call('SADD', P .. 'a' .. q, route .. char(level) .. 'j')
  if not ringed[q] then call('HSET', P .. 'q' .. q, 'rings', 1); ringed[q] = true end
end
local function leaveRing(q, route, level, ...)
  local key = ringKey(q, route, level)
  if call('ZREM', key, ...) == 0 or call('EXISTS', key) == 1 then return end
  call('SREM', P .. 'a' .. q, route .. char(level) .. 'j')
  ringed[key] = nil
end
-- ids that stand in the list of a lane from now on
local function stand(q, route, level, lane, ids, back)
  local length = call(back and 'LPUSH' or 'RPUSH', laneKey(q, route, level, lane), unpack(ids))
  if length > #ids then return end
  if lane == '' then call('SADD', P .. 'a' .. q, route .. char(level)) else enterRing(q, route, level, lane) end
end
-- arrival: number and id
local function standBy(q, route, level, lane, dueBy, arrival)
  if call('ZADD', orderKey(q, route, level, lane), dueBy, arrival) == 1 then
    enterRing(q, route, level, (lane == '' and NOLANE or lane) .. 'y')
  end
end
-- @return whether it stood there
local function standNoMore(q, route, level, lane, arrival)
  local key = orderKey(q, route, level, lane)
  if call('ZREM', key, arrival) == 0 then return false end
  if call('EXISTS', key) == 0 then leaveRing(q, route, level, (lane == '' and NOLANE or lane) .. 'y') end
  return true
end
-- what has fallen due in one place: level, lane, and maybe dueBy
local function fallDue(q, route, place, arrivals)
  local level, lane = byte(place), sub(place, 2, 9)
  if lane == NOLANE then lane = '' end
  if #place > 9 then
    for _, arrival in ipairs(arrivals) do standBy(q, route, level, lane, decode('>I6', place, 10), arrival) end
    return
  end
  local ids = {}
  for i, arrival in ipairs(arrivals) do ids[i] = sub(arrival, 7) end
  stand(q, route, level, lane, ids)
end
-- how many tasks have a lane: a lane that none has is forgotten some time later
local function addUsers(lane, n)
  if call('HINCRBY', P .. '3', lane, n) == n then call('ZREM', P .. '4', lane) end
end
local function dropUser(lane)
  if call('HINCRBY', P .. '3', lane, -1) <= 0 then call('ZADD', P .. '4', NOW, lane) end
end
`

/**
 * Gives lanes their eight bytes. Request: { lane as JSON, its partition | false, FIFO, KEYED and ROUTED, … }. Answer: them.
 */
export const INTERN_LANES: string = String.raw`
local answers = {}
-- a partition: how many lanes it has, or settings, keep its number
local function partitionNumber(name)
  local number = call('HGET', P .. '5', name)
  if number then return number end
  number = I4(call('HINCRBY', META, 'partitions', 1))
  call('HSET', P .. '5', name, number)
  return number
end
for i = 1, #IN, 3 do
  local text, name = IN[i], IN[i + 1]
  local lane = call('HGET', P .. '1', text)
  if not lane then
    local partition = name and partitionNumber(name) or '\0\0\0\0'
    local own = I4(call('HINCRBY', META, 'lanes', 1))
    lane = partition .. char(byte(own) + IN[i + 2]) .. sub(own, 2)
    call('HSET', P .. '1', text, lane)
    call('HSET', P .. '2', lane, text)
    call('HSET', P .. '3', lane, 0)
    if name then call('HINCRBY', P .. '6', name, 1) end
  end
  if tonumber(call('HGET', P .. '3', lane)) == 0 then call('ZADD', P .. '4', NOW, lane) end
  answers[#answers + 1] = lane
end
return answers
`

/** Clients remember lanes that may have been forgotten meanwhile. */
export const LANES_THERE: string = String.raw`
local function areThere(lanes)
  if #lanes == 0 then return true end
  for _, users in ipairs(call('HMGET', P .. '3', unpack(lanes))) do
    if not users then return false end
  end
  return true
end
`

/** What lanes are. Request: { lane, … }. Answer: their JSON, '' for what is not known. */
export const LANES_NAMED: string = String.raw`
local answers = {}
for i, lane in ipairs(IN) do answers[i] = call('HGET', P .. '2', lane) or '' end
return answers
`

/** Forgets lanes that no task has had for a while, and partitions that have neither lanes nor settings. */
export const FORGET_LANES: string = String.raw`
local LANES_KEPT_MS, LANES_MAX = 3600000, 1000
local function forgetLane(lane)
  call('ZREM', P .. '4', lane)
  local users = call('HGET', P .. '3', lane)
  if not users or tonumber(users) > 0 then return end
  local text = call('HGET', P .. '2', lane)
  call('HDEL', P .. '1', text)
  call('HDEL', P .. '2', lane)
  call('HDEL', P .. '3', lane)
  local name = cjson.decode(text)[1]
  if name == cjson.null or call('HINCRBY', P .. '6', name, -1) > 0 then return end
  call('HDEL', P .. '6', name)
  call('HDEL', P .. '5', name)
end
local function forgetLanes()
  local unused = call('ZRANGEBYSCORE', P .. '4', '-inf', NOW - LANES_KEPT_MS, 'LIMIT', 0, LANES_MAX)
  for _, lane in ipairs(unused) do forgetLane(lane) end
  return #unused == LANES_MAX
end
`
