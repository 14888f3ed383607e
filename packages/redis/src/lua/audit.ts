/**
 * The audit: compares what is kept beside the tasks with them. Each script sees one moment, looks at so much, and writes only
 * in a repair. Requests begin with { 1 in a repair | 0, … }; defects are { code, subject, detail, 1 if a repair mends it | 0, … }.
 * They need no command that the other scripts do not need, but for SCAN.
 */
export const AUDITING: string = String.raw`
local repair, found = IN[1] == 1, {}
local function uuid(id)
  local hex = string.gsub(id, '.', function(c) return string.format('%02x', byte(c)) end)
  return concat({ sub(hex, 1, 8), sub(hex, 9, 12), sub(hex, 13, 16), sub(hex, 17, 20), sub(hex, 21) }, '-')
end
-- mend: what sets it right; nil if nothing does for certain
local function find(code, subject, detail, mend)
  local n = #found
  found[n + 1], found[n + 2], found[n + 3], found[n + 4] = code, subject, detail, mend and 1 or 0
  if repair and mend then mend() end
end
local function isIn(key, member) return call('SMISMEMBER', key, member)[1] == 1 end
local function isFree(T) return stateOf(T) == 'p' and not has(T, HELD) end
local function isLive(T) return T and not isFinal(T.state) end
`

/**
 * auditTasks: tasks in the order of their arrival, each with where it has to be. Request: { repair, place, how many, the number
 * that comes behind the last one | -1 for all there are }. Answer: { the next place | -1, the same number, defects, how many could not be found in lists too long to look through }.
 */
export const AUDIT_TASKS: string = String.raw`
-- of a list, from each end; and of all lists
local LOOK, STEP, LOOK_MAX = 10000, 1000, 20000
local lists, looked, unknown = {}, 0, 0
local function lookInto(of, key, from, to)
  local ids = call('LRANGE', key, from, to)
  for _, id in ipairs(ids) do of.ids[id] = true end
  looked = looked + #ids
  return #ids
end
-- looks from both ends of a list, which keeps what it has met for the tasks that come next
local function isListed(key, id)
  local of = lists[key]
  if not of then of = { ids = {}, front = 0, back = 0, all = false }; lists[key] = of end
  while not of.ids[id] and not of.all and of.front < LOOK do
    of.all = lookInto(of, key, of.front, of.front + STEP - 1) < STEP
    of.front = of.front + STEP
  end
  while not of.ids[id] and not of.all and of.back < LOOK do
    lookInto(of, key, -of.back - STEP, -of.back - 1)
    of.back = of.back + STEP
    if of.back == LOOK then of.all = #call('LRANGE', key, 2 * LOOK, 2 * LOOK) == 0 end
  end
  return of.ids[id] and 'there' or of.all and 'missing' or 'unknown'
end
-- whether claims come by that list or sorted set
local function isKnown(T, lane, member)
  local place = T.route .. char(T.level)
  if member == '' then return isIn(P .. 'a' .. T.q, place) end
  return call('ZSCORE', P .. '8' .. T.q .. place, member) and isIn(P .. 'a' .. T.q, place .. 'j') and call('HGET', P .. 'q' .. T.q, 'rings') == '1'
end
local function makeKnown(T, member)
  local place = T.route .. char(T.level)
  if member == '' then return call('SADD', P .. 'a' .. T.q, place) end
  call('ZADD', P .. '8' .. T.q .. place, 0, member)
  call('SADD', P .. 'a' .. T.q, place .. 'j')
  call('HSET', P .. 'q' .. T.q, 'rings', 1)
end
local function lost(T, where, mend) find('lost-place', uuid(T.id), where, mend) end
local function auditWay(T, lane, member)
  if isKnown(T, lane, member) then return end
  lost(T, 'in a line that claims come by', function() makeKnown(T, member) end)
end
local function auditLater(T)
  local next = call('ZSCORE', P .. 'n' .. T.q, T.route)
  if next and tonumber(next) <= T.runAt then return end
  lost(T, 'in a line whose time is known', function() fixNext(T.q, T.route) end)
end
-- it is to be claimed, now or later: it stands in one place, that is found
local function auditPlace(T)
  local lane, ordered = laneOf(T), T.x.db ~= nil
  if isFifo(T) and not call('ZSCORE', seriesKey(T), T.id) then return lost(T, 'in strict order') end
  local behind = call('ZSCORE', P .. 'P' .. T.q, T.id)
  if follows(T) then
    if not behind then lost(T, 'among those who wait for others before them', function() follow(T) end) end
    return
  end
  local later = call('ZSCORE', P .. 'd' .. T.q .. T.route, laterMember(T))
  local ready = ordered and call('ZSCORE', P .. '9' .. T.q .. T.route .. char(T.level) .. lane, arrivalOf(T))
  if later and ready then
    return lost(T, 'in one line', function() call('ZREM', P .. 'd' .. T.q .. T.route, laterMember(T)); fixNext(T.q, T.route) end)
  end
  if later then return auditLater(T) end
  local listed = ordered and (ready and 'there' or 'missing') or (not ordered and isListed(laneKey(T.q, T.route, T.level, lane), T.id))
  if listed == 'unknown' then unknown = unknown + 1
  elseif listed == 'missing' then lost(T, 'in line', function() addToLane(T) end)
  else auditWay(T, lane, ordered and (lane == '' and NOLANE or lane) .. 'y' or lane) end
end
local function auditRun(T)
  local session = T.run.session
  local ends = call('HGET', P .. 's' .. session, 'x')
  if isIn(P .. 'u' .. session, T.id) and call('ZSCORE', P .. 'S', session) then return end
  find('lost-claim', uuid(T.id), '', function()
    call('SADD', P .. 'u' .. session, T.id)
    call('ZADD', P .. 'S', ends or NOW, session)
    call('ZREM', P .. 'X', session)
  end)
end
-- who waits for a parent is in its set, or in that of one of its ends
local function waitsFor(T, edge)
  if isIn(P .. 'w' .. edge[1], T.id .. edge[2]) then return 'open' end
  local owed = call('HGET', P .. 'B', edge[1]) or ''
  for i = 1, #owed, 7 do
    if isIn(P .. 'W' .. edge[1] .. sub(owed, i, i + 6), T.id .. edge[2]) then return 'owed' end
  end
  return 'not'
end
local function auditParent(T, id)
  local parent = load(id)
  local state = parent and stateOf(parent)
  if state and not isFinal(state) and has(parent, PARENT) then return end
  local mend
  if state then
    mend = function()
      if isFinal(state) then return owe(id, state) end
      mark(parent, PARENT, true)
      save(parent)
    end
  end
  find('orphaned-edge', uuid(T.id), uuid(id), mend)
end
local function auditBlocked(T)
  local waits, says = 0, tonumber(T.x.b or 0)
  for _, edge in ipairs(parentsOf(T)) do
    local how = waitsFor(T, edge)
    if how ~= 'not' then waits = waits + 1 end
    if how == 'open' then auditParent(T, edge[1]) end
  end
  if T.x.g then
    if isIn(P .. 'G' .. T.x.g, T.id) then waits = waits + 1 end
    if call('EXISTS', P .. 'g' .. T.x.g) == 0 then find('orphaned-edge', uuid(T.id), 'a gate') end
  end
  if waits ~= says then find('wait-count', uuid(T.id), 'it says ' .. says .. ', and it is ' .. waits) end
end
local function auditTimes(T)
  local at = limitOf(T)
  if at and not call('ZSCORE', P .. 'e', T.id) then
    lost(T, 'in the order of what expires', function() call('ZADD', P .. 'e', at, T.id) end)
  end
  if T.x.db and not call('ZSCORE', P .. 'O', T.id) then
    lost(T, 'in the order of what is due soon', function() call('ZADD', P .. 'O', T.x.db, T.id) end)
  end
end
local function auditTask(T)
  if has(T, APART) and call('EXISTS', P .. 'p' .. T.id) == 0 then find('lost-payload', uuid(T.id), '') end
  if isFinal(T.state) then return end
  if T.x.u and not T.x.um and call('HGET', P .. 'k', T.x.u) ~= T.id then
    local held = call('HEXISTS', P .. 'k', T.x.u) == 1
    find('lost-key', T.x.u, uuid(T.id), not held and function() takeKey(T.x.u, T.id) end or nil)
  end
  if T.run then return auditRun(T) end
  if T.state == 'b' then auditBlocked(T) elseif isFree(T) then auditPlace(T) end
  auditTimes(T)
end
-- (what arrives meanwhile is for the next audit, or one might never end)
local place, most, seen, stop = IN[2], IN[3], 0, IN[4] >= 0 and IN[4] or logs.A.next
while seen < most and looked < LOOK_MAX do
  if place >= stop then place = -1; break end
  local chunk = call('ZRANGEBYSCORE', P .. 'CA', math.floor(place / CHUNK), '+inf', 'LIMIT', 0, 1)[1]
  if not chunk then place = -1; break end
  chunk = tonumber(chunk)
  local ids, base = call('GET', P .. 'A' .. chunk) or '', chunk * CHUNK
  place = math.max(place, base)
  while place < math.min(base + CHUNK, stop) and seen < most and looked < LOOK_MAX do
    local at = (place - base) * 16
    local id = sub(ids, at + 1, at + 16)
    local v = #id == 16 and call('GETRANGE', TASK .. id, 0, 9) or ''
    if v ~= '' and decode('>I6', v, 5) == place then auditTask(load(id)) end
    seen, place = seen + 1, place + 1
  end
end
if repair then
  tellDependents()
  finish()
end
return { place, stop, found, unknown }
`

/**
 * auditEntries: one sorted set or hash. Request: { repair, its key without the prefix, where to go on, how many, how
 * many are looked at in all | -1 for as many as there are }. Answer: { where to go on | '', that number, defects }.
 */
export const AUDIT_ENTRIES: string = String.raw`
local name, at, most = IN[2], IN[3], IN[4]
local key, kind = P .. name, sub(name, 1, 1)
local function stray(id, where, mend)
  find('stray-place', uuid(id), where, mend or function() call('ZREM', key, id) end)
end
local function atOf(arrival) return sub(arrival, 7, 22) end
local checks = {
  -- what is due later
  d = function(member)
    local T = load(atOf(member))
    if T and isFree(T) and not follows(T) and T.q .. T.route == sub(name, 2) and laterMember(T) == member then return end
    stray(atOf(member), 'the line of what is due later', function() call('ZREM', key, member); fixNext(sub(name, 2, 4), sub(name, 5, 7)) end)
  end,
  -- what is ready by its dueBy
  ['9'] = function(member)
    local T = load(atOf(member))
    if T and isFree(T) and T.x.db and not follows(T) and '9' .. T.q .. T.route .. char(T.level) .. laneOf(T) == name then return end
    stray(atOf(member), 'the line of what is ready', function()
      lanes().standNoMore(sub(name, 2, 4), sub(name, 5, 7), byte(name, 8), sub(name, 9), member)
    end)
  end,
  -- a series, or those who wait for others in theirs
  P = function(id)
    local T = load(id)
    if #name == 4 then
      if not (T and isFree(T) and follows(T) and T.q == sub(name, 2)) then stray(id, 'those who wait for others before them') end
    elseif not (isLive(T) and isFifo(T) and seriesKey(T) == key) then
      stray(id, 'a series', function()
        local first = call('ZRANGE', key, 0, 0)[1]
        call('ZREM', key, id)
        local next = call('ZRANGE', key, 0, 0)[1]
        if first == id and next and call('EXISTS', TASK .. next) == 1 then comeFirst(next) end
      end)
    end
  end,
  e = function(id)
    local T = load(id)
    if not (isLive(T) and not T.run and limitOf(T)) then stray(id, 'the order of what expires') end
  end,
  o = function(id)
    local T = load(id)
    if not (T and T.run) then stray(id, 'the order of what is taken over') end
  end,
  O = function(id)
    local T = load(id)
    if not (isLive(T) and not T.run and T.x.db) then stray(id, 'the order of what is due soon') end
  end,
  U = function(window)
    if call('HEXISTS', P .. 'V', window) == 0 then
      find('stray-key', window, 'a window that is not there', function() call('ZREM', key, window) end)
    end
  end,
  V = function(window, held)
    if not call('ZSCORE', P .. 'U', window) then
      find('stray-key', window, uuid(sub(held, 1, 16)), function() call('ZADD', P .. 'U', decode('>I6', held, 17), window) end)
    end
  end,
  k = function(unique, id)
    local T = load(id)
    local holds = isLive(T) and T.x.u == unique and T.x.um ~= 't' and not (T.x.um == 'w' and T.run)
    if not holds then find('stray-key', unique, uuid(id), function() call('HDEL', key, unique) end) end
  end,
  r = function(id, rec)
    -- (the entry without an id is no task)
    if id == '' then return end
    local v = call('GETRANGE', TASK .. id, 0, 0)
    if v == 'p' then return end
    find('stray-claim', uuid(id), '', function()
      call('HDEL', key, id)
      call('SREM', P .. 'u' .. sub(rec, 65, 80), id)
      call('ZREM', P .. 'o', id)
    end)
  end,
}
local next, stop = '', IN[5]
if kind == 'k' or kind == 'V' or kind == 'r' then
  local page = call('HSCAN', key, at, 'COUNT', most)
  next = page[1] ~= '0' and page[1] or ''
  for i = 1, #page[2], 2 do checks[kind](page[2][i], page[2][i + 1]) end
else
  local from = tonumber(at)
  if stop < 0 then stop = call('ZCARD', key) end
  local members = call('ZRANGE', key, from, from + most - 1)
  next = #members == most and from + most < stop and string.format('%.0f', from + most) or ''
  for _, member in ipairs(members) do checks[kind](member) end
end
if repair then
  tellDependents()
  finish()
end
return { next, stop, found }
`

/**
 * auditKeys: some of all keys. Request: { repair, where SCAN goes on, how many }. Answer: { where it goes on, defects, keys
 * to be looked at by auditEntries }, or { '' } if SCAN is not allowed. Of sets it looks at a thousand members.
 */
export const AUDIT_KEYS: string = String.raw`
local SOME = 1000
local pattern = string.gsub(P, '[%*%?%[%]%^%\\]', '\\%0') .. '*'
local page = redis.pcall('SCAN', IN[2], 'MATCH', pattern, 'COUNT', IN[3])
if page.err then return { '' } end
local more = {}
local function auditChildren(key, parent)
  for _, child in ipairs(call('SRANDMEMBER', key, SOME)) do
    local T = load(sub(child, 1, 16))
    if not (T and stateOf(T) == 'b') then
      find('stray-edge', uuid(sub(child, 1, 16)), parent, function() call('SREM', key, child) end)
    end
  end
end
local checks = {
  t = function(id, key)
    local seq = decode('>I6', call('GETRANGE', key, 4, 9))
    local at = (seq % CHUNK) * 16
    if call('GETRANGE', P .. 'A' .. math.floor(seq / CHUNK), at, at + 15) ~= id then find('lost-place', uuid(id), 'in the order of arrival') end
  end,
  x = function(id, key)
    if call('EXISTS', TASK .. id) == 0 then find('stray-payload', uuid(id), 'data', function() call('DEL', key) end) end
  end,
  w = function(id, key) auditChildren(key, uuid(id)) end,
  u = function(session, key)
    for _, id in ipairs(call('SRANDMEMBER', key, SOME)) do
      local rec = call('HGET', P .. 'r', id)
      if not rec or sub(rec, 65, 80) ~= session then find('stray-claim', uuid(id), '', function() call('SREM', key, id) end) end
    end
  end,
}
checks.p = checks.x
for _, key in ipairs(page[2]) do
  local name = sub(key, #P + 1)
  local kind, rest = sub(name, 1, 1), sub(name, 2)
  if checks[kind] and #rest == 16 then checks[kind](rest, key)
  elseif kind == 'W' then
    auditChildren(key, uuid(sub(rest, 1, 16)))
    if not call('ZSCORE', P .. 'b', rest) and call('EXISTS', key) == 1 then
      find('orphaned-edge', uuid(sub(rest, 1, 16)), 'who waits for it', function()
        call('ZADD', P .. 'b', decode('>I6', rest, 18), rest)
        local owed = call('HGET', P .. 'B', sub(rest, 1, 16)) or ''
        if not string.find(owed, sub(rest, 17), 1, true) then call('HSET', P .. 'B', sub(rest, 1, 16), owed .. sub(rest, 17)) end
      end)
    end
  elseif kind == 'G' then
    for _, id in ipairs(call('SRANDMEMBER', key, SOME)) do
      local T = load(id)
      if not (T and T.x.g == rest) then find('stray-edge', uuid(id), 'a gate', function() call('SREM', key, id) end) end
    end
  elseif kind == 'F' and call('HEXISTS', P .. 'H', rest) == 0 then
    find('stray-limit', rest, '', function() call('DEL', key) end)
  elseif (kind == 'd' and #rest == 6) or kind == '9' or (kind == 'P' and (#rest == 3 or #rest == 7)) then more[#more + 1] = name
  end
end
if repair then
  tellDependents()
  finish()
end
return { page[1], found, more }
`
