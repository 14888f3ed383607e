/** What a claim takes from one lane: what is due and may start, in its order. */
export const CLAIM_LANE: string = String.raw`
-- for how long what is due in a lane is left to workers that offer more of what it prefers
local waits = {}
local function waitOf(lane)
  if lane == '' or band(byte(lane, 5), ROUTED) == 0 then return 0 end
  if waits[lane] then return waits[lane] end
  local of = cjson.decode(call('HGET', P .. '2', lane))
  local rank = #of[4]
  for i = #of[4], 1, -1 do
    for _, offer in ipairs(claiming.offers) do if of[4][i] == offer then rank = i - 1 end end
  end
  waits[lane] = rank * of[5]
  return waits[lane]
end
local function noteTime(at)
  if not claiming.nearest or at < claiming.nearest then claiming.nearest = at end
end
-- what a full limit holds back: when it opens counts, if that is a matter of time
local function costsAt(head)
  local costs = head and call('HGET', P .. 'x' .. head, 'co')
  return costs and cjson.decode(costs) or nil
end
local function noteOpening(on, key, head)
  if not flow().opensAt(on) then return end
  local at = flow().opensAt(on, costsAt(head or call('LINDEX', key, 0)))
  if at then noteTime(at) end
end
-- what was not taken of these ids stands at the front again
local function putBack(key, ids, through)
  local rest = {}
  for i = #ids, through + 1, -1 do rest[#rest + 1] = ids[i] end
  call('LPUSH', key, unpack(rest))
end
-- takes so many from one list; @return how many
local function claimFromLane(q, route, level, lane, want)
  local key, heads, taken, plain = laneKey(q, route, level, lane), headsOf(level), 0, 0
  if drained[key] then return 0 end
  local on = limited and flow().usagesOn(q, route, lane)
  while taken < want and not claiming.cut do
    local asked = want - taken
    if on then
      asked = math.min(asked, flow().roomUnder(on))
      if asked <= 0 then noteOpening(on, key); break end
    end
    local ids = call('LPOP', key, asked) or {}
    local keys, through = {}, 0
    for i = 1, #ids do keys[i] = TASK .. ids[i] end
    local values, blocked = #ids > 0 and call('MGET', unpack(keys)), false
    for i = 1, #ids do
      local id, v = ids[i], values[i]
      if v and heads[sub(v, 1, 4)] then
        local size = #v - 59
        if not fitsBytes(size) then break end
        if on then flow().use(on) end
        local epoch = sub(v, 56, 59)
        give(id, v, epoch == FIRST and NEXT or I4(decode('>I4', epoch) + 1), size)
        if byte(v, 2) ~= 0 then
          local more = claiming.more
          more[#more + 1], more[#more + 2], more[#more + 3] = #given - 1, { 'l', call('HGET', P .. 'x' .. id, 'l') }, ''
        end
        taken, plain = taken + 1, plain + 1
      else
        local what = more().closer(id, v, q .. route .. char(level) .. lane, on)
        if what == 'stop' then blocked = not claiming.cut; break end
        if what == 'taken' then taken = taken + 1 end
      end
      through = i
    end
    if through < #ids then putBack(key, ids, through) end
    if blocked then noteOpening(on, key, ids[through + 1]); break end
    if #ids < asked and through == #ids then
      if lane == '' then call('SREM', P .. 'a' .. q, route .. char(level))
      -- one that ended here may have let the next of its series into this very list
      elseif byte(lane, 5) < FIFO then
        -- (nothing else comes into it while this claims)
        local of = claiming.empty[route]
        if not of then of = {}; claiming.empty[route] = of end
        of[#of + 1] = lane
      elseif call('EXISTS', key) == 0 then lanes().leaveRing(q, route, level, lane) end
      drained[key] = true
      break
    end
  end
  if plain > 0 then count(q, 'p', -plain); count(q, 'r', plain) end
  return taken
end
-- whether a list has anything that may start; that a claim took all that there was shows only now
local function mayStart(q, route, level, lane, byOrder, member)
  local key = byOrder and P .. '9' .. q .. route .. char(level) .. lane or laneKey(q, route, level, lane)
  if call('EXISTS', key) == 0 then
    if member then lanes().leaveRing(q, route, level, member) else call('SREM', P .. 'a' .. q, route .. char(level)) end
    return false
  end
  local on, wait = limited and flow().usagesOn(q, route, lane), waitOf(lane)
  if not on and wait == 0 then return true end
  local head = byOrder and sub(call('ZRANGE', key, 0, 0)[1], 7) or call('LINDEX', key, 0)
  local v = wait > 0 and call('GETRANGE', TASK .. head, 0, 21) or ''
  local opens = NOW
  if on then opens = flow().opensAt(on, costsAt(head)) end
  if not opens then return false end
  if v ~= '' and opens == NOW then opens = math.max(NOW, decode('>I6', v, 17) + wait) end
  noteTime(opens)
  return opens == NOW
end
`

/** What stands by its dueBy goes before what is in the list of its lane and fell due later. */
export const CLAIM_ORDERED: string = String.raw`
local function claimByOrder(q, route, level, lane, want, of)
  local key, byOrder = laneKey(q, route, level, lane), P .. '9' .. q .. route .. char(level) .. lane
  local on, taken, wait = limited and flow().usagesOn(q, route, lane), 0, waitOf(lane)
  while taken < want and not claiming.cut do
    local asked = want - taken
    if on then asked = math.min(asked, flow().roomUnder(on)) end
    local ids = call('LRANGE', key, 0, math.max(asked, 1) - 1)
    local sooner = call('ZRANGE', byOrder, 0, math.max(asked, 1) - 1, 'WITHSCORES')
    local n, all, keys = #ids, {}, {}
    for i = 1, n do all[i] = { id = ids[i] } end
    for i = 1, #sooner, 2 do all[#all + 1] = { id = sub(sooner[i], 7), at = tonumber(sooner[i + 1]), seq = (decode('>I6', sooner[i])) } end
    if #all == 0 then
      lanes().leaveRing(q, route, level, (lane == '' and NOLANE or lane) .. 'y')
      if lane == '' then call('SREM', P .. 'a' .. q, route .. char(level)) else lanes().leaveRing(q, route, level, lane) end
      break
    end
    for i = 1, #all do keys[i] = TASK .. all[i].id end
    local values = call('MGET', unpack(keys))
    for i = 1, n do
      -- what is not there any more is met first
      local v = values[i]
      all[i].at, all[i].seq = v and (decode('>I6', v, 17)) or 0, v and (decode('>I6', v, 5)) or 0
    end
    local a, b, met, stopped = 1, n + 1, {}, asked <= 0 and all[1]
    while not stopped and taken < want and (a <= n or b <= #all) do
      local one, other = a <= n and all[a], all[b]
      local first = one and (not other or one.at < other.at or (one.at == other.at and one.seq < other.seq))
      local at = first and a or b
      if wait > 0 and values[at] and decode('>I6', values[at], 17) + wait > NOW then
        noteTime(decode('>I6', values[at], 17) + wait)
        stopped = true
        break
      end
      local what = more().closer(all[at].id, values[at], q .. route .. char(level) .. lane, on)
      if what == 'stop' then stopped = all[at]; break end
      if what == 'taken' then taken = taken + 1 end
      if first then a = a + 1 else
        b = b + 1
        met[#met + 1] = sooner[2 * (at - n) - 1]
      end
    end
    if a > 1 then call('LTRIM', key, a - 1, -1) end
    if #met > 0 then call('ZREM', byOrder, unpack(met)) end
    if stopped then
      if stopped ~= true and not claiming.cut then noteOpening(on, key, stopped.id) end
      break
    end
  end
  return taken
end
`
