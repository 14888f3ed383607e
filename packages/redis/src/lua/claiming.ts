/**
 * Claims what a demand asks for. A claim touches no record: it takes ids from the lists of ready tasks, and
 * writes one entry per task under the ids that run.
 *
 * A demand is { routes (three bytes each), { queue, five slots, tasks max, turns (turns.ts) }, …, tasks max, bytes max, quantum, offers }.
 * Claims are { id, record, … }; what goes with some of them is { index of the claim, extras as a flat list,
 * payload that stands apart | false, … }.
 */
export const CLAIMING: string = String.raw`
local PASSED_MAX, ENDED_MAX, CLAIMS_MAX = 1000, 1000, 1000
local HOPS_MAX = 200
local claiming = { more = {}, twice = {}, passed = 0, ended = 0, cut = false, hops = HOPS_MAX }
-- lists that turned out to have no more
local drained = {}
-- ids; ids and entries of r; ids and records
local given, running, claims = {}, {}, {}
-- what lets a record be claimed without a closer look: its state, flags (BINARY and USER, or BINARY and LABELS) and level
local HEADS = {}
local function headsOf(level)
  local heads = HEADS[level]
  if not heads then
    local tail = char(level)
    heads = { ['p\0\0' .. tail] = true, ['p\0\8' .. tail] = true, ['p\0\32' .. tail] = true, ['p\0\40' .. tail] = true,
      ['p\8\2' .. tail] = true, ['p\8\10' .. tail] = true }
    HEADS[level] = heads
  end
  return heads
end
local FIRST, NEXT = '\0\0\0\0', '\0\0\0\1'

-- sizes as records have them: most payloads are as long as another
local SIZES = {}
local function give(id, v, epoch, size)
  local n, four = #given + 1, SIZES[size]
  if not four then four = I4(size); SIZES[size] = four end
  given[n] = id
  running[2 * n - 1], running[2 * n] = id, sub(v, 4, 55) .. epoch .. claiming.suffix .. sub(v, 2, 3) .. four
  claims[2 * n - 1], claims[2 * n] = id, v
end
local function fitsBytes(size)
  if #given > 0 and size > claiming.bytesLeft then claiming.cut = true; return false end
  claiming.bytesLeft = claiming.bytesLeft - size
  return true
end
`

/** What needs a closer look, and what a request claimed when it came before. */
export const CLOSER: string = String.raw`
-- extras and payload of the claim given last
local function giveMore(T)
  local more, flat = claiming.more, {}
  for field, value in pairs(T.x) do
    if field ~= 'h' and field ~= 'lg' then flat[#flat + 1] = field; flat[#flat + 1] = value end
  end
  more[#more + 1] = #given - 1
  more[#more + 1] = flat
  more[#more + 1] = has(T, APART) and call('GET', P .. 'p' .. T.id) or ''
end
-- an entry that was left behind is gone; by the key that counts them: of the task, or of those that were removed
local function dropEntry(key, field)
  if call('HINCRBY', key, field, -1) <= 0 then call('HDEL', key, field) end
  claiming.passed = claiming.passed + 1
  return 'passed'
end
-- ready, but not due: the clock jumped back since it was moved, or this entry was left behind and another one is right
local function notDue(T)
  if call('ZSCORE', P .. 'd' .. T.q .. T.route, laterMember(T)) then return dropEntry(P .. 'x' .. T.id, 'd') end
  addLater(T)
  claiming.passed = claiming.passed + 1
  return 'passed'
end
local function costsOf(T) return T.x.co and cjson.decode(T.x.co) end
-- what needs a closer look; on: the limits that hold there. @return 'taken', 'passed', or 'stop'
local function closer(id, v, lane, on)
  if claiming.passed >= PASSED_MAX or claiming.ended >= ENDED_MAX then claiming.cut = true; return 'stop' end
  if not v then return dropEntry(P .. 'Y', id) end
  local T = read(id, v, call('HGET', P .. 'r', id))
  local left = claiming.twice[id] or stateOf(T) ~= 'p' or has(T, HELD) or T.q .. T.route .. char(T.level) .. laneOf(T) ~= lane or follows(T)
  if left then return dropEntry(P .. 'x' .. id, 'd') end
  if T.runAt > NOW then return notDue(T) end
  local at, name = limitOf(T)
  if at and at <= NOW then
    claiming.ended = claiming.ended + 1
    outlive(T, name, true)
    return 'passed'
  end
  if on and flow().opensAt(on, costsOf(T)) ~= NOW then return 'stop' end
  local size = bodySize(T)
  if not fitsBytes(size) then return 'stop' end
  if on then flow().use(on, costsOf(T)) end
  give(id, v, I4(T.epoch + 1), size)
  claiming.twice[id] = true
  count(T.q, 'p', -1); count(T.q, 'r', 1)
  if has(T, EXTRA) or has(T, APART) then giveMore(T) end
  if T.x.um == 'w' then dropKey(T) end
  if T.x.db then call('ZREM', P .. 'O', id) end
  if has(T, LIMITED) then
    call('ZREM', P .. 'e', id)
    if T.x.dl then call('ZADD', P .. 'o', T.x.dl, id) end
  end
  return 'taken'
end
-- what the same request claimed when it came before, as far as it still runs
local function claimedBefore(session, nonce)
  local ids = call('SMEMBERS', P .. 'u' .. session)
  for _, id in ipairs(ids) do
    local rec = call('HGET', P .. 'r', id)
    if rec and sub(rec, 57, 64) == nonce and (#rec == PLAIN_RUN or byte(rec, 99) == 0) then
      local v = call('GET', P .. 't' .. id)
      local T = read(id, v, rec)
      claiming.at = T.run.claimedAt
      given[#given + 1] = id
      claims[#claims + 1] = id
      claims[#claims + 1] = v
      if has(T, EXTRA) or has(T, APART) then giveMore(T) end
    end
  end
  return #given > 0
end
`

export const CLAIM: string = String.raw`
-- takes so many of one level: an equal share of each route first, from another one on each time
local function claimFromLevel(of, lanes, level, want)
  local q, routes, taken = of[1], lanes[level], 0
  if lanes.rings and lanes.rings[level] and want > 0 then
    return turns().claimInTurns(of, routes or {}, lanes.rings[level], level, want)
  end
  if not routes or want <= 0 then return 0 end
  local start = byte(claiming.nonce, 1) + 256 * byte(claiming.nonce, 2)
  local share = math.ceil(want / #routes)
  for round = 1, 2 do
    for i = 1, #routes do
      local most = math.min(want - taken, round == 1 and share or want)
      if most <= 0 or claiming.cut then return taken end
      taken = taken + claimFromLane(q, routes[(start + i) % #routes + 1], level, '', most)
    end
    if #routes == 1 then break end
  end
  return taken
end
-- the lists that have something for this demand, by level; what has fallen due is moved there first
local SLICE = 500
local function ringsOfSlice(q, routes, from, to, lanes)
  local members = {}
  for i = from, to do
    for level = 0, 4 do members[#members + 1] = routes[i] .. char(level) .. 'j' end
  end
  for i, there in ipairs(call('SMISMEMBER', P .. 'a' .. q, unpack(members))) do
    if there == 1 then
      local level = (i - 1) % 5
      lanes.rings = lanes.rings or {}
      lanes.rings[level] = lanes.rings[level] or {}
      table.insert(lanes.rings[level], sub(members[i], 1, 3))
    end
  end
end
local function lanesOfSlice(of, routes, from, lanes)
  local q = of[1]
  local to, members, n = math.min(from + SLICE - 1, #routes), {}, 0
  for i, at in ipairs(call('ZMSCORE', P .. 'n' .. q, unpack(routes, from, to))) do
    if at then
      at = tonumber(at)
      if at <= NOW then
        claiming.moved = true
        if not moveDue(q, routes[from + i - 1]) then claiming.cut = true end
      elseif not claiming.nearest or at < claiming.nearest then claiming.nearest = at end
    end
  end
  for i = from, to do
    for level = 0, 4 do n = n + 1; members[n] = routes[i] .. char(level) end
  end
  for i, there in ipairs(call('SMISMEMBER', P .. 'a' .. q, unpack(members))) do
    if there == 1 then
      local level = (i - 1) % 5
      local of = lanes[level]
      if not of then of = {}; lanes[level] = of end
      of[#of + 1] = sub(members[i], 1, 3)
    end
  end
  -- (what has just fallen due may have made the first)
  if of.rings or claiming.moved then ringsOfSlice(q, routes, from, to, lanes) end
end
local function lanesOf(of, routes)
  local lanes = {}
  for from = 1, #routes, SLICE do lanesOfSlice(of, routes, from, lanes) end
  return lanes
end
local function claimFromQueue(demand, of)
  local q, slots, left = of[1], of[2], math.min(of[3], claiming.tasksLeft)
  claiming.moved = false
  local lanes = lanesOf(of, demand[1])
  -- what could not be moved comes with the next claim; what is there already can be taken now
  local late = claiming.cut
  claiming.cut = false
  for round = 1, 2 do
    for level = 0, 4 do
      local want = round == 1 and math.min(slots[level + 1], left) or left
      local taken = claimFromLevel(of, lanes, level, want)
      left, claiming.tasksLeft = left - taken, claiming.tasksLeft - taken
    end
  end
  claiming.late = claiming.late or late
  -- slots are left, so all of these lists are drained, and what is due later was looked at just now
  of.done = left > 0 and claiming.tasksLeft > 0 and not claiming.cut and not claiming.moved
end
local function openQueues(demand)
  local open = {}
  if demand[3] <= 0 or #demand[1] == 0 then return open end
  for i, of in ipairs(demand[2]) do
    local settings = of[3] > 0 and call('HMGET', P .. 'q' .. of[1], 'paused', 'rings')
    if settings and settings[1] ~= '1' then
      of.index, of.rings = i, settings[2]
      open[#open + 1] = of
    end
  end
  return open
end
local function anyLeft(q, lanes)
  for level = 0, 4 do
    for _, route in ipairs(lanes[level] or {}) do
      if mayStart(q, route, level, '', false) then return true end
    end
    local rings = lanes.rings and lanes.rings[level]
    if rings and turns().anyInRings(q, rings, level) then return true end
  end
  return false
end
-- ready tasks are left only if the claim was cut short, or its slots are full
local function nextInMs(demand, queues)
  if claiming.cut or claiming.late then return 0 end
  for _, of in ipairs(queues) do
    local lanes = of.done and {} or lanesOf(of, demand[1])
    if claiming.cut or anyLeft(of[1], lanes) then return 0 end
  end
  return claiming.nearest and math.ceil(claiming.nearest) - NOW or -1
end
local function claim(session, nonce, again, demand)
  claiming.at, claiming.nonce, claiming.suffix = NOW, nonce, nonce .. session .. NOW6
  claiming.tasksLeft, claiming.bytesLeft, claiming.quantum = math.min(demand[3], CLAIMS_MAX), demand[4], math.max(demand[5], 1)
  claiming.spots, claiming.offers = {}, demand[6]
  local queues = openQueues(demand)
  if not again or not more().claimedBefore(session, nonce) then
    for _, of in ipairs(queues) do
      if claiming.tasksLeft > 0 and not claiming.cut then claimFromQueue(demand, of) end
    end
    if #given > 0 then
      call('HSET', P .. 'r', unpack(running))
      call('SADD', P .. 'u' .. session, unpack(given))
    end
  end
  return nextInMs(demand, queues)
end
`

/**
 * exchange: settles, then claims.
 *
 * Request: { session, nonce, again, known routes, settlements, demand | false }. Answer: { now, 'alive' | 'dead',
 * verdicts as letters, when was claimed, claims, more, next in ms | -1, undelivered, turns as queue (from 1), level,
 * and what a turn is (turns.ts), … }; or { 'routes' } with no
 * effect, if the home has routes that the client does not know.
 */
export const EXCHANGE: string = String.raw`
local session, nonce, demand = IN[1], IN[2], IN[6]
if demand and call('HLEN', P .. 'R') ~= IN[4] then return { 'routes' } end
local verdicts = settleAll(IN[5], nonce)
if made_more then made_more.takeKeys() end
if call('EXISTS', P .. 'b') == 1 then more().tellDependents() end
local alive, overtaken = present()
local nextIn = -1
if alive and demand and not overtaken then nextIn = claim(session, nonce, IN[3] == 1, demand) end
if claiming.ended > 0 then more().tellDependents() end
finish()
-- only what needs a closer look can have owed anything to dependents
local owed = made_more and call('EXISTS', P .. 'b') or 0
local spots = {}
for _, of in pairs(claiming.spots or {}) do
  for _, value in ipairs({ of[1], of[2], (decode('>I4', of[3][1])) }) do spots[#spots + 1] = value end
  for i = 2, 8 do spots[#spots + 1] = of[3][i] end
end
return { NOW, alive and 'alive' or 'dead', concat(verdicts), claiming.at or NOW, claims, claiming.more, nextIn, owed, spots }
`
