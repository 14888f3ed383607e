/** Where a task stands by its state: what finds it there. */
export const LANES: string = String.raw`
local MOVES_MAX = 1000
local movesLeft, looked = MOVES_MAX, {}
local function laneKey(q, route, level, lane) return P .. 'l' .. q .. route .. char(level) .. lane end
-- keeps the earliest due time of what is due later on a route
local function fixNext(q, route)
  local first = call('ZRANGE', P .. 'd' .. q .. route, 0, 0, 'WITHSCORES')
  if first[1] then call('ZADD', P .. 'n' .. q, first[2], route) else call('ZREM', P .. 'n' .. q, route) end
end
-- moves what has fallen due to the ready ones; @return whether all of it was moved
local function moveDue(q, route)
  if looked[q .. route] ~= nil then return looked[q .. route] end
  local next = call('ZSCORE', P .. 'n' .. q, route)
  local all = true
  if next and tonumber(next) <= NOW then
    local due = call('ZRANGEBYSCORE', P .. 'd' .. q .. route, '-inf', NOW, 'LIMIT', 0, movesLeft + 1)
    all = #due <= movesLeft
    if not all then due[#due] = nil end
    movesLeft = movesLeft - #due
    local places = {}
    for _, member in ipairs(due) do
      local place = sub(member, 23)
      local there = places[place]
      if not there then there = {}; places[place] = there end
      there[#there + 1] = #place == 1 and sub(member, 7, 22) or sub(member, 1, 22)
    end
    for place, there in pairs(places) do
      if #place == 1 then
        call('RPUSH', laneKey(q, route, byte(place), ''), unpack(there))
        call('SADD', P .. 'a' .. q, route .. place)
      else lanes().fallDue(q, route, place, there) end
    end
    if #due > 0 then
      call('ZREMRANGEBYRANK', P .. 'd' .. q .. route, 0, #due - 1)
      fixNext(q, route)
    end
  end
  looked[q .. route] = all
  return all
end
`

export const PLACES: string = String.raw`
local function laneOf(T) return T.lane == NOLANE and '' or T.lane end
local function arrivalOf(T) return I6(T.seq) .. T.id end
local function laterMember(T)
  local member = arrivalOf(T) .. char(T.level)
  if T.x.db then return member .. T.lane .. I6(tonumber(T.x.db)) end
  return member .. laneOf(T)
end
local function addLater(T)
  call('ZADD', P .. 'd' .. T.q .. T.route, T.runAt, laterMember(T))
  local next = call('ZSCORE', P .. 'n' .. T.q, T.route)
  if not next or T.runAt < tonumber(next) then call('ZADD', P .. 'n' .. T.q, T.runAt, T.route) end
end
-- a task that may be claimed now or later; one that comes back goes to the front
local function addToLane(T, back)
  if follows(T) then return follow(T) end
  hint.ready = true
  if T.runAt > NOW or not moveDue(T.q, T.route) then return addLater(T) end
  if T.x.db then return lanes().standBy(T.q, T.route, T.level, laneOf(T), tonumber(T.x.db), arrivalOf(T)) end
  lanes().stand(T.q, T.route, T.level, laneOf(T), { T.id }, back)
end
-- what stands in a list of ready ones stays there, to be passed over: taking it out would cost its length. How many
-- such entries there are is kept with the task, and beyond its removal: an id that comes again must not be met twice
local function removeFromLane(T)
  if follows(T) then return followNoMore(T) end
  if T.x.db and lanes().standNoMore(T.q, T.route, T.level, laneOf(T), arrivalOf(T)) then return end
  if call('ZREM', P .. 'd' .. T.q .. T.route, laterMember(T)) == 1 then fixNext(T.q, T.route)
  else put(T, 'd', tostring((tonumber(T.x.d) or 0) + 1)) end
end
local timeouts = {}
local function timeoutOf(T)
  if T.x.t then return tonumber(string.match(T.x.t, '^%[(%d+)')) end
  if timeouts[T.terms] == nil then
    timeouts[T.terms] = tonumber(string.match(call('HGET', P .. 'N', T.terms) or '', '^%[(%d+)')) or false
  end
  return timeouts[T.terms]
end
-- when reclaim has to look at a running task for its own sake, before its grace: exactly what causeOf goes by, so
-- that whatever changes there is written here again, and nothing is looked at in vain
local function watchRun(T)
  local run, at = T.run, nil
  local function soonest(time) if time and (not at or time < at) then at = time end end
  if run.cause > 0 then at = run.missed >= 2 and 0 or nil
  else
    soonest(tonumber(T.x.dl))
    if run.cancelAt > 0 then soonest(run.cancelAt) end
    local timeout = run.attemptAt > 0 and timeoutOf(T)
    if timeout then soonest(run.attemptAt + timeout) end
  end
  if at then call('ZADD', P .. 'o', at, T.id) else call('ZREM', P .. 'o', T.id) end
end
-- @param taken: its entry in the list of ready ones is gone already
local function leave(T, taken)
  if T.run then
    call('HDEL', P .. 'r', T.id)
    call('SREM', P .. 'u' .. T.run.session, T.id)
    call('ZREM', P .. 'o', T.id)
    if limited then flow().giveBack(T.q, T.route, T.lane) end
    count(T.q, 'r', -1)
    return
  end
  if isFinal(T.state) then
    count(T.q, T.state, -1)
    if call('HDEL', P .. 'K', T.id) == 0 then count(T.q, 'N', -1); count(T.q, 'B', -T.weight) end
    unlogged('E', T.ended)
    return
  end
  if T.state == 'b' then count(T.q, 'b', -1)
  elseif has(T, HELD) then count(T.q, 'h', -1)
  else
    count(T.q, 'p', -1)
    if not taken then removeFromLane(T) end
  end
  if has(T, LIMITED) then call('ZREM', P .. 'e', T.id) end
  if T.x.db then call('ZREM', P .. 'O', T.id) end
end
local function weightOf(T)
  local weight = 300 + bodySize(T)
  for _, value in pairs(T.x) do weight = weight + #value end
  return weight
end
local function enterFinal(T)
  T.ended = logged('E', T.id)
  T.weight = weightOf(T)
  mark(T, OWNED, true)
  count(T.q, T.state, 1)
  count(T.q, 'N', 1)
  count(T.q, 'B', T.weight)
  call('RPUSH', P .. 'f' .. T.q .. T.state, T.id .. I6(T.ended))
end
local function enter(T, back)
  if T.run then
    call('SADD', P .. 'u' .. T.run.session, T.id)
    count(T.q, 'r', 1)
    return
  end
  if isFinal(T.state) then return enterFinal(T) end
  if T.state == 'b' then count(T.q, 'b', 1)
  elseif has(T, HELD) then count(T.q, 'h', 1)
  else
    count(T.q, 'p', 1)
    addToLane(T, back)
  end
  local at = limitOf(T)
  if at then call('ZADD', P .. 'e', at, T.id) end
  if T.x.db then call('ZADD', P .. 'O', T.x.db, T.id) end
end
`
