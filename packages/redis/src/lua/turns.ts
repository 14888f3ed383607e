/**
 * Claims where partitions take turns: each gives its turn, or what it has. What whole rounds come to is taken at once.
 *
 * Turns of a queue are false, or five: false, or { partition 4, what is left of its turn, how many lanes were passed over
 * since the last task was taken, if it has many lanes: where to go on among them, and how many were met; and the lane that
 * gave the last task: partition, own bytes, route + 1, or 0 }.
 */
export const TURNS: string = String.raw`
local spots, HOPS_LEAST = {}, 40
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
local function after(number) return I4((decode('>I4', number) + 1) % 4294967296) end
local function partition(number)
  return { number = number, lanes = {}, start = byte(claiming.nonce, 1) + 256 * byte(claiming.nonce, 2) }
end
local function laneObject(place)
  local lane = { place = place, route = sub(place, 9, 11), lane = sub(place, 1, 8) }
  if lane.lane == NOLANE then lane.lane = '' end
  return lane
end
-- these lanes, at the end of a list of partitions
local function group(list, found)
  local last = nil
  for _, text in ipairs(found) do
    local number = sub(text, 2, 5)
    if not last or last.number ~= number then
      last = partition(number)
      list[#list + 1] = last
    end
    local place, lane = sub(text, 2, 12), last.lanes[#last.lanes]
    if not lane or lane.place ~= place then
      lane = laneObject(place)
      last.lanes[#last.lanes + 1] = lane
    end
    lane[sub(text, 13)] = true
  end
end
-- a partition with too many lanes for one look: they come some at a time, from where the last claim was, or from anywhere
local LANES_COMPARED = 16
local function widePartition(q, plain, rings, level, number, spot)
  local of, sources, count = partition(number), {}, 0
  if number == '\0\0\0\0' and #plain > 0 then
    sources[1] = { size = #plain }
    count = #plain
  end
  for _, route in ipairs(rings) do
    local key = P .. '8' .. q .. route .. char(level)
    local base = call('ZLEXCOUNT', key, '-', '(' .. number)
    local size = call('ZLEXCOUNT', key, '[' .. number, '(' .. after(number))
    if size > 0 then sources[#sources + 1] = { key = key, route = route, base = base, size = size } end
    count = count + size
  end
  of.count, of.done = count, 0
  of.at = (decode('>I4', claiming.nonce)) % count
  if spot and spot[1] == number and spot[2] > 0 and spot[5] > 0 then of.at, of.done = spot[4] % count, spot[5] end
  of.known = of.done
  -- those that come next; none if each has come
  function of.more()
    of.from, of.before = of.at, of.done
    if of.done >= count then return {} end
    local from, lanes = of.at, {}
    for _, source in ipairs(sources) do
      if from < source.size then
        local to = math.min(from + LANES_COMPARED, source.size) - 1
        if source.key then
          for _, member in ipairs(call('ZRANGE', source.key, source.base + from, source.base + to)) do
            local place, lane = sub(member, 1, 8) .. source.route, lanes[#lanes]
            if not lane or lane.place ~= place then
              lane = laneObject(place)
              lanes[#lanes + 1] = lane
            end
            lane[#member > 8 and 'y' or 'l'] = true
          end
        else
          for i = from, to do
            local lane = laneObject(NOLANE .. plain[i + 1])
            lane.l = true
            lanes[#lanes + 1] = lane
          end
        end
        -- the other half of a lane may be beyond what was looked at
        for _, lane in ipairs(lanes) do
          if not lane.y and (lane == lanes[#lanes] or not source.key) then
            lane.y = call('ZSCORE', P .. '8' .. q .. lane.route .. char(level), sub(lane.place, 1, 8) .. 'y') and true or nil
          end
        end
        of.at, of.done = (of.at + to - from + 1) % count, of.done + to - from + 1
        return lanes
      end
      from = from - source.size
    end
  end
  return of
end
-- the partitions that come next, with n lanes at most, but for those that have more than that by themselves; and how
-- many lanes these are, of so many that are left
local WIDE_MAX = 4
local function partitionsFrom(q, plain, rings, level, at, n, left, spot)
  local list, lanes, wide = {}, 0, 0
  while lanes < left and wide < WIDE_MAX do
    local most = math.min(n, left - lanes)
    local found = lanesFrom(q, plain, rings, level, at, most + 1)
    local cut = most == n and #found > most and sub(found[most + 1], 1, 5)
    found[most + 1] = nil
    -- one that is cut here comes with the next ones, as a whole
    if #found > 0 and sub(found[#found], 1, 5) == cut then
      while #found > 0 and sub(found[#found], 1, 5) == cut do found[#found] = nil end
    else cut = false end
    group(list, found)
    lanes = lanes + #found
    if not cut or #found > 0 then break end
    local of = widePartition(q, plain, rings, level, sub(cut, 2), spot)
    list[#list + 1] = of
    lanes, wide, at = lanes + of.count, wide + 1, after(of.number)
  end
  local numbers = {}
  for i, of in ipairs(list) do numbers[i], of.turn = of.number, claiming.quantum end
  if #numbers > 0 and call('EXISTS', P .. '7') == 1 then
    for i, of in ipairs(call('HMGET', P .. '7', unpack(numbers))) do
      if of then list[i].turn = claiming.quantum * (decode('>I2', of)) end
    end
  end
  return list, lanes
end
-- @return how many of that lane were taken; less than wanted only if that is all that may start
local function takeFrom(q, level, lane, want)
  if want <= 0 or lane.over or claiming.cut then return 0 end
  if not lane.met then claiming.hops = claiming.hops - 1; lane.met = true end
  local from = (lane.y or waitOf(lane.lane) > 0) and claimByOrder or claimFromLane
  local taken = from(q, lane.route, level, lane.lane, want, lane)
  lane.over = taken < want
  if taken > 0 then lane.head, claiming.giver = nil, lane.place end
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
local takeFromSome
function takeFromSome(q, level, of, want)
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
      if claiming.hops <= 0 and not lane.met then break end
      taken = taken + takeFrom(q, level, lane, math.min(want - taken, round == 1 and share or want))
    end
  end
  -- where there are more lanes, they come next
  if taken < want and #some == LANES_COMPARED and claiming.hops > 0 and not claiming.cut then
    return taken + takeFromSome(q, level, of, want - taken)
  end
  return taken
end
local function takeFromPartition(q, level, of, want)
  local taken = takeFromSome(q, level, of, want)
  while of.more and taken < want and claiming.hops > 0 and not claiming.cut do
    of.lanes = of.more()
    if #of.lanes == 0 then break end
    taken = taken + takeFromSome(q, level, of, want - taken)
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
-- one whose lanes cannot all be met any more is left to the next claim
local function isTooMuch(of)
  if of.visited then return false end
  if claiming.hops > 0 and not of.more and #of.lanes > claiming.hops then
    claiming.unused, claiming.hops = claiming.hops, 0
  end
  of.visited = true
  return claiming.hops <= 0
end
-- the turns of some partitions. @return how many were taken, the partition whose turn was the last, what is left of it
local function takeTurns(q, level, live, want, left, alone)
  local taken, last, rest, edge = 0, nil, 0, nil
  if left and #live > 1 then
    local first = table.remove(live, 1)
    local most = math.min(left, want)
    first.visited = true
    taken = takeFromPartition(q, level, first, most)
    last, rest = first, left - taken
    if taken >= left then live[#live + 1] = first end
  end
  while taken < want and #live > 0 and not claiming.cut do
    if alone and #live == 1 and not edge then
      if isTooMuch(live[1]) then break end
      taken = taken + takeFromPartition(q, level, live[1], want - taken)
      if taken < want then return taken, live[1], 1 end
      -- the next claim may begin anywhere among many lanes
      if live[1].more then return taken, live[1], 0 end
      return taken, last, nil
    end
    local sum, stay = 0, {}
    for _, of in ipairs(live) do sum = sum + of.turn end
    local rounds = limited and 1 or math.max(math.floor((want - taken) / sum), 1)
    for _, of in ipairs(live) do
      if taken >= want or claiming.cut or isTooMuch(of) then break end
      local turn = of.turn * rounds
      local got = takeFromPartition(q, level, of, math.min(turn, want - taken))
      taken = taken + got
      last, rest = of, turn - got
      if got >= turn then stay[#stay + 1] = of end
    end
    -- others take turns meanwhile, but the next claim goes on where this one could not
    if claiming.hops <= 0 and not edge then edge = { last, rest } end
    live = stay
  end
  if edge then return taken, edge[1], edge[2] end
  return taken, last, rest
end
-- where the next claim goes on: in this partition, or behind it
local function spotIn(of, rest, passed)
  if of.more and (of.before or of.done) >= of.count then rest = 0 end
  if not of.more or rest <= 0 then return { of.number, math.max(rest, 0), passed, 0, 0 } end
  -- those of its lanes among which this claim ended are met again
  for _, lane in ipairs(of.lanes) do
    if lane.met and passed > 0 then passed = passed - 1 end
  end
  return { of.number, rest, passed, of.from or of.at, of.before or of.done }
end
-- asks the lane that gave the last task, when too many others were met in vain: so what is free among thousands that
-- are not is not only found each time that the claims have gone round. @return how many were taken
local function takeFromGiver(q, plain, rings, level, spot, want)
  if not spot or spot[8] == 0 then return 0 end
  local route, served = sub(I4(spot[8] - 1), 2), false
  for _, one in ipairs(rings) do served = served or one == route end
  for _, one in ipairs(plain) do served = served or one == route end
  if not served then return 0 end
  local lane = laneObject(I4(spot[6]) .. I4(spot[7]) .. route)
  lane.met, lane.l = true, true
  lane.y = call('ZSCORE', P .. '8' .. q .. route .. char(level), sub(lane.place, 1, 8) .. 'y') and true or nil
  return takeFrom(q, level, lane, want)
end
local function claimInTurns(of, plain, rings, level, want)
  local q, taken, met = of[1], 0, 0
  local name = of.index .. ':' .. level
  local spot = spots[name] or (of[4] and of[4][level + 1])
  if spot and spot.over then return 0 end
  local before, asked = spot, false
  claiming.giver = nil
  local at, left, passed = nil, nil, 0
  if not spot then at = anywhere(q, plain, rings, level)
  else
    passed = spot[3]
    if spot[2] > 0 then at, left = spot[1], spot[2] else at = after(spot[1]) end
  end
  claiming.empty = {}
  if not spots[name] then claiming.hops = math.max(claiming.hops, HOPS_LEAST) end
  local all, partly = #plain, false
  for _, route in ipairs(rings) do all = all + call('ZCARD', P .. '8' .. q .. route .. char(level)) end
  while taken < want and met < all and (taken > 0 or passed < all) and claiming.hops > 0 and not claiming.cut do
    local most, hops = math.min(claiming.hops, want - taken + 16), claiming.hops
    local live, many = partitionsFrom(q, plain, rings, level, at, most, all - met, spot)
    if #live == 0 then met = all; break end
    for _, one in ipairs(live) do partly = partly or (one.known or 0) > 0 end
    if left and live[1].number ~= at then left = nil end
    local behind = live[#live]
    local got, last, rest = takeTurns(q, level, live, want - taken, left, met + many >= all)
    taken, left = taken + got, nil
    passed = taken > 0 and 0 or passed + hops - claiming.hops - (claiming.unused or 0)
    claiming.unused = nil
    if taken < want and not claiming.cut and claiming.hops > 0 then
      met, last, rest = met + many, behind, 0
    elseif last and not last.more and claiming.hops <= 0 then rest = 0 end
    if last and rest then
      spot = spotIn(last, rest, passed)
      at = after(last.number)
    end
  end
  if taken < want and claiming.hops <= 0 and not claiming.cut then
    local more = takeFromGiver(q, plain, rings, level, before, want - taken)
    asked = true
    if more > 0 then taken, passed, spot[3] = taken + more, 0, 0 end
  end
  for route, empty in pairs(claiming.empty) do lanes().leaveRing(q, route, level, unpack(empty)) end
  local whole = (met >= all and not partly) or passed >= all
  if taken < want and not claiming.cut and not whole then claiming.late = true end
  if whole and spot then spot[3] = 0 end
  if spot then
    local giver = claiming.giver
    if giver then spot[6], spot[7], spot[8] = decode('>I4', giver), decode('>I4', giver, 5), decode('>I4', '\0' .. sub(giver, 9)) + 1
    elseif asked or not before then spot[6], spot[7], spot[8] = 0, 0, 0
    else spot[6], spot[7], spot[8] = before[6], before[7], before[8] end
    spots[name] = spot
    spot.over = taken < want and whole
    claiming.spots[name] = { of.index, level, spot }
  end
  return taken
end
-- whether something that may start is left in the rings of a level, as far as a look at some shows: the next claim will tell
local function anyInRings(q, rings, level)
  local SOME, more = 50, false
  for _, route in ipairs(rings) do
    local members = call('ZRANGE', P .. '8' .. q .. route .. char(level), 0, SOME)
    more = more or #members > SOME
    for i = 1, math.min(#members, SOME) do
      local member = members[i]
      local lane = sub(member, 1, 8)
      if lane == NOLANE then lane = '' end
      if mayStart(q, route, level, lane, #member > 8, member) then return true end
    end
  end
  return more
end
`
