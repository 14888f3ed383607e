/**
 * Claims where partitions take turns: each gives its turn, or what it has. What whole rounds come to is taken at once.
 *
 * Turns of a queue are false, or five: false, or { partition 4, what is left of its turn, how many lanes were passed over
 * since the last task was taken }.
 */
export const TURNS: string = String.raw`
local spots = {}
-- the lanes of a level that come next, n at most: their partition, own bytes, route and l (list) or y (by dueBy), in that order
local function lanesFrom(q, plain, rings, level, at, n)
  local found, sources = {}, #plain > 0 and 1 or 0
  for i = 1, #plain do found[i] = (at == '\0\0\0\0' and '\0' or '\1') .. NOLANE .. plain[i] .. 'l' end
  for _, route in ipairs(rings) do
    local key = P .. '8' .. q .. route .. char(level)
    local before = #found
    for _, member in ipairs(call('ZRANGE', key, '[' .. at, '+', 'BYLEX', 'LIMIT', 0, n)) do
      found[#found + 1] = '\0' .. sub(member, 1, 8) .. route .. (#member > 8 and 'y' or 'l')
    end
    local more = n - (#found - before)
    if more > 0 and at ~= '\0\0\0\0' then
      for _, member in ipairs(call('ZRANGE', key, '-', '(' .. at, 'BYLEX', 'LIMIT', 0, more)) do
        found[#found + 1] = '\1' .. sub(member, 1, 8) .. route .. (#member > 8 and 'y' or 'l')
      end
    end
    sources = sources + 1
  end
  if sources > 1 then table.sort(found) end
  for i = n + 1, #found do found[i] = nil end
  return found
end
-- the partitions of these lanes, in their order
local function partitionsOf(found, quantum)
  local list, numbers, last = {}, {}, nil
  for _, text in ipairs(found) do
    local number = sub(text, 2, 5)
    if not last or last.number ~= number then
      last = { number = number, lanes = {}, turn = quantum, start = byte(claiming.nonce, 1) + 256 * byte(claiming.nonce, 2) }
      list[#list + 1] = last
      numbers[#numbers + 1] = number
    end
    local place, lane = sub(text, 2, 12), last.lanes[#last.lanes]
    if not lane or lane.place ~= place then
      lane = { place = place, route = sub(text, 10, 12), lane = sub(text, 2, 9) }
      if lane.lane == NOLANE then lane.lane = '' end
      last.lanes[#last.lanes + 1] = lane
    end
    lane[sub(text, 13)] = true
  end
  if #numbers > 0 and call('EXISTS', P .. '7') == 1 then
    for i, of in ipairs(call('HMGET', P .. '7', unpack(numbers))) do
      if of then list[i].turn = quantum * (decode('>I2', of)) end
    end
  end
  return list
end
-- @return how many of that lane were taken; less than wanted only if that is all that may start
local function takeFrom(q, level, lane, want)
  if want <= 0 or lane.over or claiming.cut then return 0 end
  if not lane.met then claiming.hops = claiming.hops - 1; lane.met = true end
  local from = (lane.y or waitOf(lane.lane) > 0) and claimByOrder or claimFromLane
  local taken = from(q, lane.route, level, lane.lane, want, lane)
  lane.over = taken < want
  if taken > 0 then lane.head = nil end
  return taken
end
-- the time and the number by which the first of a lane stands in line
local function headOf(q, level, lane)
  if lane.head then return lane.head end
  local head = '\255'
  local id = lane.l and call('LINDEX', laneKey(q, lane.route, level, lane.lane), 0)
  if id then
    local v = call('GETRANGE', TASK .. id, 4, 21)
    head = sub(v, 13, 18) .. sub(v, 1, 6)
  end
  if lane.y then
    local first = call('ZRANGE', P .. '9' .. q .. lane.route .. char(level) .. lane.lane, 0, 0, 'WITHSCORES')
    local own = first[1] and I6(tonumber(first[2])) .. sub(first[1], 1, 6)
    if own and own < head then head = own end
  end
  lane.head = head
  return head
end
-- an equal share of each of its lanes, those with the oldest task first; of many lanes only some are compared
local LANES_COMPARED = 16
local takeFromPartition
function takeFromPartition(q, level, of, want)
  local ring, some, taken = of.lanes, {}, 0
  if #ring == 1 then return takeFrom(q, level, ring[1], want) end
  for i = 1, #ring do
    local lane = ring[(of.start + i) % #ring + 1]
    if not lane.over and #some < LANES_COMPARED then
      some[#some + 1] = lane
      headOf(q, level, lane)
    end
  end
  of.start = of.start + LANES_COMPARED
  table.sort(some, function(one, other) return one.head < other.head end)
  local share = math.ceil(want / math.max(#some, 1))
  for round = 1, 2 do
    for _, lane in ipairs(some) do
      if claiming.hops <= 0 then break end
      taken = taken + takeFrom(q, level, lane, math.min(want - taken, round == 1 and share or want))
    end
  end
  -- where there are more lanes, they come next
  if taken < want and #some == LANES_COMPARED and claiming.hops > 0 and not claiming.cut then
    return taken + takeFromPartition(q, level, of, want - taken)
  end
  return taken
end
-- where to begin without a turn: anywhere
local function anywhere(q, plain, rings, level)
  local sizes, all = {}, #plain > 0 and 1 or 0
  for i, route in ipairs(rings) do
    sizes[i] = call('ZCARD', P .. '8' .. q .. route .. char(level))
    all = all + sizes[i]
  end
  local n = (decode('>I4', claiming.nonce)) % math.max(all, 1)
  for i, route in ipairs(rings) do
    if n < sizes[i] then return sub(call('ZRANGE', P .. '8' .. q .. route .. char(level), n, n)[1], 1, 4) end
    n = n - sizes[i]
  end
  return '\0\0\0\0'
end
local function after(number) return I4((decode('>I4', number) + 1) % 4294967296) end
-- the turns of some partitions. @return how many were taken, the partition whose turn was the last, what is left of it
local function takeTurns(q, level, live, want, left, alone)
  local taken, last, rest = 0, nil, 0
  if left and #live > 1 then
    local first = table.remove(live, 1)
    local most = math.min(left, want)
    taken = takeFromPartition(q, level, first, most)
    last, rest = first.number, left - taken
    if taken >= left then live[#live + 1] = first end
  end
  while taken < want and #live > 0 and not claiming.cut and claiming.hops > 0 do
    if alone and #live == 1 then
      taken = taken + takeFromPartition(q, level, live[1], want - taken)
      return taken, last, taken < want and rest or nil
    end
    local sum, stay = 0, {}
    for _, of in ipairs(live) do sum = sum + of.turn end
    local rounds = limited and 1 or math.max(math.floor((want - taken) / sum), 1)
    for _, of in ipairs(live) do
      if taken >= want or claiming.cut or claiming.hops <= 0 then break end
      local turn = of.turn * rounds
      local got = takeFromPartition(q, level, of, math.min(turn, want - taken))
      taken = taken + got
      last, rest = of.number, turn - got
      if got >= turn then stay[#stay + 1] = of end
    end
    live = stay
  end
  return taken, last, rest
end
local function claimInTurns(of, plain, rings, level, want)
  local q, taken, met = of[1], 0, 0
  local name = of.index .. ':' .. level
  local spot = spots[name] or (of[4] and of[4][level + 1])
  if spot and spot.over then return 0 end
  local at, left, passed = nil, nil, 0
  if not spot then at = anywhere(q, plain, rings, level)
  else
    passed = spot[3]
    if spot[2] > 0 then at, left = spot[1], spot[2] else at = after(spot[1]) end
  end
  claiming.empty = {}
  local all = #plain
  for _, route in ipairs(rings) do all = all + call('ZCARD', P .. '8' .. q .. route .. char(level)) end
  while taken < want and met < all and claiming.hops > 0 and not claiming.cut do
    local asked = math.min(claiming.hops, all - met, want - taken + 16)
    local found = lanesFrom(q, plain, rings, level, at, asked)
    if #found == 0 then met = all; break end
    local live = partitionsOf(found, claiming.quantum)
    if left and live[1].number ~= at then left = nil end
    local got, last, rest = takeTurns(q, level, live, want - taken, left, met + #found >= all)
    taken, met, left = taken + got, met + #found, nil
    if taken < want and not claiming.cut then
      last, rest = live[#live] and sub(found[#found], 2, 5), 0
      last = sub(found[#found], 2, 5)
    end
    passed = taken > 0 and 0 or passed + #found
    if last and rest then
      spot = { last, math.max(rest, 0), passed }
      at = after(last)
    end
  end
  for route, empty in pairs(claiming.empty) do lanes().leaveRing(q, route, level, unpack(empty)) end
  local whole = met >= all or passed >= all
  if taken < want and not claiming.cut and not whole then claiming.late = true end
  if whole and spot then spot[3] = 0 end
  if spot then
    spots[name] = spot
    spot.over = taken < want and whole
    claiming.spots[name] = { of.index, level, spot }
  end
  return taken
end
-- whether something that may start is left in the rings of a level
local function anyInRings(q, rings, level)
  for _, route in ipairs(rings) do
    for _, member in ipairs(call('ZRANGE', P .. '8' .. q .. route .. char(level), 0, 49)) do
      local lane = sub(member, 1, 8)
      if lane == NOLANE then lane = '' end
      if mayStart(q, route, level, lane, #member > 8, member) then return true end
    end
  end
  return false
end
`
