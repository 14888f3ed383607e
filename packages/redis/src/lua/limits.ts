/**
 * What is allowed under names and keys, and what was used of it. A limit is MessagePack of { version, nonce | '',
 * concurrency | -1, rate: limit | -1, per ms, burst, by, shut until, configured at }; what was used of a key is
 * used 4 · arrival 8 (a double) · shut until 6, and not there if nothing is.
 *
 * Each running task counts under all of its limits that have a concurrency: what is set anew counts what runs. So no
 * task has to remember what counts it.
 */
export const LIMITING: string = String.raw`
local EPSILON_MS = 1e-6
local limits, laneLimits, routeNames, dirty = {}, {}, {}, {}
local function readLimit(name, packed)
  local of = cmsgpack.unpack(packed)
  return { name = name, version = of[1], nonce = of[2], concurrency = of[3], rate = of[4], per = of[5], burst = of[6],
    by = of[7], shut = of[8], at = of[9], unit = of[5] / of[4], keys = {} }
end
local function writeLimit(of)
  call('HSET', P .. 'H', of.name, cmsgpack.pack({ of.version, of.nonce, of.concurrency, of.rate, of.per, of.burst, of.by, of.shut, of.at }))
  call('HSET', META, 'limits', call('HLEN', P .. 'H'))
end
-- @return a limit, or false
local function limitNamed(name)
  if limits[name] == nil then
    local packed = call('HGET', P .. 'H', name)
    limits[name] = packed and readLimit(name, packed) or false
  end
  return limits[name]
end
-- one that nobody has set, for a key of it is shut
local function limitFor(name)
  local limit = limitNamed(name)
  if not limit then
    limit = { name = name, version = 0, nonce = '', concurrency = -1, rate = -1, per = 1, burst = 1, by = 'user', shut = 0, at = 0, unit = 1, keys = {} }
    limits[name] = limit
    writeLimit(limit)
  end
  return limit
end
local function readUsage(packed)
  local usage = {}
  usage.used, usage.arrival, usage.shut = decode('>I4dI6', packed)
  return usage
end
local function usageOf(limit, key)
  local usage = limit.keys[key]
  if usage then return usage end
  local packed = call('HGET', P .. 'F' .. limit.name, key)
  usage = packed and readUsage(packed) or { used = 0, arrival = 0, shut = 0 }
  usage.limit, usage.key = limit, key
  limit.keys[key] = usage
  return usage
end
local function isIdle(usage) return usage.used <= 0 and usage.arrival <= NOW and usage.shut <= NOW end
local function writeUsages()
  for usage in pairs(dirty) do
    local key = P .. 'F' .. usage.limit.name
    if isIdle(usage) then call('HDEL', key, usage.key)
    else call('HSET', key, usage.key, pack('>I4dI6', math.max(usage.used, 0), usage.arrival, usage.shut)) end
  end
  dirty = {}
end
local function touch(usage)
  dirty[usage] = true
  hint.atEnd = writeUsages
end
-- name and key, one after the other, and behind them which of the lane's own it is (0: none); of all that a task counts under
local function namesOn(q, route, lane)
  local names = routeNames[q .. route]
  if not names then
    names = call('HMGET', P .. 'N', 'Q' .. q, 'R' .. route)
    routeNames[q .. route] = names
  end
  local flat = { 'queue:' .. names[1], '', 0, 'type:' .. names[2], '', 0 }
  if lane == '' or band(byte(lane, 5), KEYED) == 0 then return flat end
  for i, own in ipairs(cjson.decode(call('HGET', P .. '2', lane))[3]) do
    local n = #flat
    flat[n + 1], flat[n + 2], flat[n + 3] = own[1], own[2], i
  end
  return flat
end
-- what is used of the limits that hold for the tasks of a lane; false if none does
local function usagesOn(q, route, lane)
  local at = q .. route .. lane
  local on = laneLimits[at]
  if on ~= nil then return on end
  local flat = namesOn(q, route, lane)
  on = {}
  for i = 1, #flat, 3 do
    local limit = limitNamed(flat[i])
    if limit then on[#on + 1] = { usageOf(limit, flat[i + 1]), flat[i + 2] } end
  end
  if #on == 0 then on = false end
  laneLimits[at] = on
  return on
end
-- how many tasks of cost 1 may start
local function roomUnder(on)
  local room = math.huge
  for _, of in ipairs(on) do
    local usage = of[1]
    local limit = usage.limit
    if limit.shut > NOW or usage.shut > NOW then return 0 end
    if limit.concurrency >= 0 then room = math.min(room, limit.concurrency - usage.used) end
    if limit.rate > 0 then
      local ahead = math.max(usage.arrival, NOW) - NOW
      room = math.min(room, math.floor(limit.burst - (ahead - EPSILON_MS) / limit.unit))
    end
  end
  return room
end
-- costs: a list, or nil where each is 1
local function costOf(of, costs) return costs and of[2] > 0 and costs[of[2]] or 1 end
-- when a task may start: NOW, later, or false once a slot is given back
local function opensAt(on, costs)
  local opens = NOW
  for _, of in ipairs(on) do
    local usage = of[1]
    local limit = usage.limit
    local shut = math.max(limit.shut, usage.shut)
    if shut > NOW then opens = math.max(opens, shut)
    elseif limit.concurrency >= 0 and usage.used >= limit.concurrency then return false
    elseif limit.rate > 0 then
      local at = math.max(usage.arrival, NOW) + (math.min(costOf(of, costs), limit.burst) - limit.burst) * limit.unit
      if at - NOW > EPSILON_MS then opens = math.max(opens, at) end
    end
  end
  return opens
end
-- a task starts
local function use(on, costs)
  for _, of in ipairs(on) do
    local usage = of[1]
    local limit = usage.limit
    if limit.concurrency >= 0 then usage.used = usage.used + 1; touch(usage) end
    if limit.rate > 0 then
      usage.arrival = math.max(usage.arrival, NOW) + math.min(costOf(of, costs), limit.burst) * limit.per / limit.rate
      touch(usage)
    end
  end
end
-- its claim has ended
local function giveBack(q, route, lane)
  for _, of in ipairs(usagesOn(q, route, lane == NOLANE and '' or lane) or {}) do
    local usage = of[1]
    if usage.limit.concurrency >= 0 then
      usage.used = usage.used - 1
      touch(usage)
      hint.ready = true
    end
  end
end
local function shut(name, key, ms)
  local usage = usageOf(limitFor(name), key)
  usage.shut = math.max(usage.shut, NOW + ms)
  touch(usage)
end
`

/** Counts what runs. */
export const COUNTING: string = String.raw`
-- how many run under each key of each of these limits: name → key → count
local function countRunning(names)
  local sums, known = {}, {}
  for name in pairs(names) do sums[name] = {} end
  local recs = call('HVALS', P .. 'r')
  for _, rec in ipairs(recs) do
    local lane = sub(rec, 45, 52)
    local at = sub(rec, 20, 25) .. lane
    -- (the entry without an id is no task)
    if byte(rec, 1) <= 4 then
      local flat = known[at] or flow().namesOn(sub(rec, 20, 22), sub(rec, 23, 25), lane)
      known[at] = flat
      for i = 1, #flat, 3 do
        local of = sums[flat[i]]
        if of then of[flat[i + 1]] = (of[flat[i + 1]] or 0) + 1 end
      end
    end
  end
  return sums
end
local function usagesIn(name)
  local usages, flat = {}, call('HGETALL', P .. 'F' .. name)
  for i = 1, #flat, 2 do usages[flat[i]] = flow().readUsage(flat[i + 1]) end
  return usages
end
local function writeUsage(name, key, usage)
  if flow().isIdle(usage) then return call('HDEL', P .. 'F' .. name, key) end
  call('HSET', P .. 'F' .. name, key, pack('>I4dI6', usage.used, usage.arrival, usage.shut))
end
-- a rate that has become faster holds for keys that were used up under the old one, too
local function catchUp(name, arrivalMax)
  for key, usage in pairs(usagesIn(name)) do
    if usage.arrival > arrivalMax then
      usage.arrival = arrivalMax
      writeUsage(name, key, usage)
    end
  end
end
-- sets what runs under each key of a limit; @return those that were wrong, as key, was and is, and how many keys there are
local function setCounts(name, sums)
  local usages, wrong, keys = usagesIn(name), {}, 0
  for key in pairs(sums) do usages[key] = usages[key] or { used = 0, arrival = 0, shut = 0 } end
  for key, usage in pairs(usages) do
    local is = sums[key] or 0
    keys = keys + 1
    if usage.used ~= is then
      for _, value in ipairs({ key, usage.used, is }) do wrong[#wrong + 1] = value end
      usage.used = is
      writeUsage(name, key, usage)
    end
  end
  return wrong, keys
end
`

/**
 * configureLimit. Request: { name, nonce, version | -1, concurrency | -1, rate: limit | -1, per ms, burst, by, shut ms | -1 }.
 * Answer: { 'applied' | 'outdated' }.
 */
export const CONFIGURE_LIMIT: string = String.raw`
local name, nonce, version = IN[1], IN[2], IN[3]
local known = flow().limitNamed(name)
if known and known.nonce == nonce then return { 'applied' } end
if version >= 0 and version ~= (known and known.version or 0) then return { 'outdated' } end
local limit = flow().limitFor(name)
local counted = limit.concurrency >= 0
limit.version, limit.nonce, limit.concurrency, limit.by = limit.version + 1, nonce, IN[4], IN[8]
limit.rate, limit.per, limit.burst = IN[5], IN[6], IN[7]
limit.shut, limit.at = IN[9] >= 0 and NOW + IN[9] or 0, NOW
flow().writeLimit(limit)
if limit.rate > 0 then catchUp(name, NOW + limit.burst * limit.per / limit.rate) end
if counted ~= (limit.concurrency >= 0) then
  setCounts(name, counted and {} or countRunning({ [name] = true })[name])
end
hint.ready = true
finish()
return { 'applied' }
`

/** removeLimit. Request: { name }. */
export const REMOVE_LIMIT: string = String.raw`
if call('HDEL', P .. 'H', IN[1]) == 1 then
  call('DEL', P .. 'F' .. IN[1])
  local left = call('HLEN', P .. 'H')
  if left > 0 then call('HSET', META, 'limits', left) else call('HDEL', META, 'limits') end
  hint.ready = true
end
finish()
return 1
`

/**
 * limits. Request: { names | false, how many, cursor | false, keys max, keys | false: any }. Answer: { next | false, { name, version,
 * concurrency | -1, rate: limit | -1, per ms, burst, by, shut until, configured at, { key, used, arrival as text, shut until, … } }, … }.
 */
export const LIMITS_LISTED: string = String.raw`
local KEYS_MAX = 20000
local most, cursor, keysMax, meant = IN[2], IN[3], IN[4], IN[5]
local wanted = IN[1] and {}
for _, name in ipairs(IN[1] or {}) do wanted[name] = true end
local names = {}
for _, name in ipairs(call('HKEYS', P .. 'H')) do
  if (not wanted or wanted[name]) and (not cursor or name > cursor) then names[#names + 1] = name end
end
table.sort(names)
-- those that are used, most of all first
local function keysOf(name)
  local key, at, found, looked = P .. 'F' .. name, '0', {}, 0
  local function look(of, packed)
    local usage = flow().readUsage(packed)
    usage.key = of
    looked = looked + 1
    if not flow().isIdle(usage) then found[#found + 1] = usage end
  end
  if meant then
    for _, of in ipairs(meant) do
      local packed = call('HGET', key, of)
      if packed then look(of, packed) end
    end
  else
    repeat
      local page = call('HSCAN', key, at, 'COUNT', 1000)
      at = page[1]
      for i = 1, #page[2], 2 do look(page[2][i], page[2][i + 1]) end
    until at == '0' or looked >= KEYS_MAX
  end
  table.sort(found, function(a, b) return a.used > b.used or (a.used == b.used and a.key < b.key) end)
  return found
end
local function isShut(found)
  for _, usage in ipairs(found) do if usage.shut > NOW then return true end end
  return false
end
local answers, next, last = {}, false, nil
for _, name in ipairs(names) do
  local limit, found = flow().limitNamed(name), keysOf(name)
  if limit.version > 0 or isShut(found) then
    if #answers == most then next = last; break end
    local flat = {}
    for i = 1, meant and #found or math.min(#found, keysMax) do
      local usage = found[i]
      for _, value in ipairs({ usage.key, usage.used, string.format('%.17g', usage.arrival), usage.shut }) do flat[#flat + 1] = value end
    end
    answers[#answers + 1] = { name, limit.version, limit.concurrency, limit.rate, limit.per, limit.burst, limit.by, limit.shut, limit.at, flat }
    last = name
  end
end
return { next or '', next and 1 or 0, answers }
`

/** recount. Answer: { how many keys, { name, key, was, is, … } }. */
export const RECOUNT: string = String.raw`
local names, keys, mended = {}, 0, {}
for _, name in ipairs(call('HKEYS', P .. 'H')) do
  if flow().limitNamed(name).concurrency >= 0 then names[name] = true end
end
for name, sums in pairs(next(names) and countRunning(names) or {}) do
  local wrong, there = setCounts(name, sums)
  keys = keys + there
  for i = 1, #wrong, 3 do
    for _, value in ipairs({ name, wrong[i], wrong[i + 1], wrong[i + 2] }) do mended[#mended + 1] = value end
  end
end
if #mended > 0 then hint.ready = true end
finish()
return { keys, mended }
`

/** configurePartition. Request: { partition, weight | -1 }. */
export const CONFIGURE_PARTITION: string = String.raw`
local name, weight = IN[1], IN[2]
local number = call('HGET', P .. '5', name)
local set = number and call('HEXISTS', P .. '7', number) == 1
if weight < 0 and not set then return 1 end
if weight < 0 then
  call('HDEL', P .. '7', number)
  if call('HINCRBY', P .. '6', name, -1) <= 0 then call('HDEL', P .. '6', name); call('HDEL', P .. '5', name) end
  return 1
end
if not number then
  number = I4(call('HINCRBY', META, 'partitions', 1))
  call('HSET', P .. '5', name, number)
end
-- its settings keep its number, as a lane does
if not set then call('HINCRBY', P .. '6', name, 1) end
call('HSET', P .. '7', number, pack('>I2', weight) .. name)
return 1
`

/** partitions. Answer: { weight 2 · name, … }. */
export const PARTITIONS: string = String.raw`
return call('HVALS', P .. '7')
`

/** Forgets keys of which nothing is used, some each time. */
export const FORGET_KEYS: string = String.raw`
local KEYS_MAX = 2000
local function forgetKeys()
  local names, looked = call('HKEYS', P .. 'H'), 0
  if #names == 0 then return end
  table.sort(names)
  local last, at = string.match(call('HGET', META, 'keysAt') or ' 0', '^(.*) (%d+)$')
  for _, name in ipairs(names) do
    if looked >= KEYS_MAX then break end
    if name >= last then
      if name > last then at = '0' end
      last = name
      repeat
        local page = call('HSCAN', P .. 'F' .. name, at, 'COUNT', 500)
        at = page[1]
        for i = 1, #page[2], 2 do
          looked = looked + 1
          if flow().isIdle(flow().readUsage(page[2][i + 1])) then call('HDEL', P .. 'F' .. name, page[2][i]) end
        end
      until at == '0' or looked >= KEYS_MAX
      if at == '0' and flow().limitNamed(name).version == 0 and call('EXISTS', P .. 'F' .. name) == 0 then
        call('HDEL', P .. 'H', name)
        local left = call('HLEN', P .. 'H')
        if left > 0 then call('HSET', META, 'limits', left) else call('HDEL', META, 'limits') end
      end
    end
  end
  if looked >= KEYS_MAX then call('HSET', META, 'keysAt', last .. ' ' .. at) else call('HDEL', META, 'keysAt') end
end
`
