/** The steps of a task's life: what belongs to a state, or to being alive at all, comes and goes here. */
export const LIVES: string = String.raw`
local REASON = { error = 1, timeout = 2, crashed = 3, expired = 4, invalid = 5, dependency = 6 }
-- its parents are not forgotten while it lives
local function unpin(parent)
  if call('HINCRBY', P .. 'i', parent, -1) > 0 then return end
  call('HDEL', P .. 'i', parent)
  local kept = call('HGET', P .. 'K', parent)
  if not kept then return end
  local q = sub(kept, 1, 3)
  call('HDEL', P .. 'K', parent)
  call('LPUSH', P .. 'f' .. q .. sub(kept, 4, 4), parent .. sub(kept, 5, 10))
  count(q, 'N', 1)
  count(q, 'B', decode('>I4', kept, 11))
end
local function takeKey(key, id)
  if call('HEXISTS', P .. 'k', key) == 0 then call('HSET', P .. 'k', key, id) end
end
-- tasks that ran and came back take their keys again, in their order, when all has ended that is to
local returning = {}
local function takeKeys()
  for _, of in ipairs(returning) do takeKey(of[1], of[2]) end
  returning = {}
end
local function dropKey(T)
  if call('HGET', P .. 'k', T.x.u) == T.id then call('HDEL', P .. 'k', T.x.u) end
end
local function beginLife(T)
  if T.x.u and T.x.um ~= 't' then takeKey(T.x.u, T.id) end
  if isFifo(T) then joinSeries(T) end
  local size = bodySize(T)
  count(T.q, 'L', size)
  hold(T.lane, 1, size)
  for _, edge in ipairs(parentsOf(T)) do call('HINCRBY', P .. 'i', edge[1], 1) end
end
-- it is the first of its series now
local function comeFirst(id)
  local T = load(id)
  if stateOf(T) ~= 'p' or has(T, HELD) then return end
  followNoMore(T)
  addToLane(T)
end
-- who waits for a task that ends now is to be told of this end, whatever becomes of the task afterwards
local function owe(id, state)
  if call('EXISTS', P .. 'w' .. id) == 0 then return end
  local n = call('HINCRBY', META, 'told', 1)
  local delivery = id .. state .. I6(n)
  call('RENAME', P .. 'w' .. id, P .. 'W' .. delivery)
  call('ZADD', P .. 'b', n, delivery)
  call('HSET', P .. 'B', id, (call('HGET', P .. 'B', id) or '') .. sub(delivery, 17))
end
-- nobody is left who is to be told of this end
local function paid(delivery)
  local id, rest = sub(delivery, 1, 16), {}
  call('ZREM', P .. 'b', delivery)
  local owed = call('HGET', P .. 'B', id) or ''
  for i = 1, #owed, 7 do
    local one = sub(owed, i, i + 6)
    if one ~= sub(delivery, 17) then rest[#rest + 1] = one end
  end
  if #rest > 0 then call('HSET', P .. 'B', id, concat(rest)) else call('HDEL', P .. 'B', id) end
end
-- a task waits for its parent no more
local function closeEdge(parent, child)
  if call('SREM', P .. 'w' .. parent, child) == 1 then return end
  local owed = call('HGET', P .. 'B', parent) or ''
  for i = 1, #owed, 7 do
    local delivery = parent .. sub(owed, i, i + 6)
    call('SREM', P .. 'W' .. delivery, child)
    if call('EXISTS', P .. 'W' .. delivery) == 0 then paid(delivery) end
  end
end
local function endLife(T, from, to)
  local size = T.size or bodySize(T)
  count(T.q, 'L', -size)
  hold(T.lane, -1, -size)
  if T.x.u and T.x.um ~= 't' then dropKey(T) end
  local next = isFifo(T) and leaveSeries(T)
  if next then comeFirst(next) end
  for _, edge in ipairs(parentsOf(T)) do
    unpin(edge[1])
    if from == 'b' then closeEdge(edge[1], T.id .. edge[2]) end
  end
  if T.x.g then call('SREM', P .. 'G' .. T.x.g, T.id) end
  put(T, 'g', false)
  put(T, 'b', false)
  if T.x.bt then put(T, 'bt', false) end
  if has(T, PARENT) then owe(T.id, isFinal(to) and to or 'c') end
  hint.settled = true
end
-- from one state to another, or to the same with something changed in between. how: letter and detail for the
-- history, session, set (called when it stands nowhere), taken and back (places.ts)
local function move(T, to, how)
  local from = stateOf(T)
  leave(T, how.taken)
  if not isFinal(from) and isFinal(to) then endLife(T, from, to) end
  if how.set then how.set() end
  if how.letter then record(T, how.letter, how.detail, how.session) end
  if T.run then
    mark(T, OWNED, true)
    T.nonce, T.session, T.claimedAt, T.run = T.run.nonce, T.run.session, T.run.claimedAt, nil
  end
  if to ~= from then T.since = NOW end
  T.state = to
  if to ~= 'f' then T.reason = 0 end
  if isFinal(from) and not isFinal(to) then beginLife(T)
  elseif T.x.um == 'w' and to == 'p' and from == 'r' then returning[#returning + 1] = { T.x.u, T.id } end
  enter(T, how.back)
  save(T)
end
-- ends a task whose own time is over and which does not run
local function outlive(T, name, taken)
  T.reason = REASON[name]
  move(T, 'f', { letter = 'f', detail = name, taken = taken })
end

-- nobody was promised the task: it takes its window along
local function dropWindow(T)
  local held = T.x.um == 't' and call('HGET', P .. 'V', T.x.u)
  if not held or sub(held, 1, 16) ~= T.id then return end
  call('HDEL', P .. 'V', T.x.u)
  call('ZREM', P .. 'U', T.x.u)
end
local CLIENT_ID_MS, USER_ID_MS = 900000, 86400000
-- forgets a task that does not run; by: the mark of the command that does it, or ''. What a gate never let out was
-- promised to nobody, and leaves no tombstone
local function removeTask(T, by)
  local before = T.state
  local promised = not T.x.g or call('HGET', P .. 'g' .. T.x.g, 'd') == 'o'
  leave(T)
  if not isFinal(before) then endLife(T, before, 'absent') end
  if T.x.d then call('HSET', P .. 'Y', T.id, T.x.d) end
  call('DEL', P .. 't' .. T.id, P .. 'x' .. T.id, P .. 'p' .. T.id)
  unlogged('A', T.seq)
  if T.lane ~= NOLANE then lanes().dropUser(T.lane) end
  local till = has(T, USER) and NOW + USER_ID_MS or T.enq + CLIENT_ID_MS
  if not promised then dropWindow(T) end
  if not promised or till <= NOW then return end
  call('HSET', P .. 'z', T.id, T.digest .. (isFinal(before) and before or 'c') .. I6(till) .. by)
  call('ZADD', P .. 'Z', till, T.id)
end
-- what is left of a removed task: digest, state, mark; nil when its time is over
local function tombstone(id)
  local z = call('HGET', P .. 'z', id)
  if not z or decode('>I6', z, 18) <= NOW then return nil end
  return { digest = sub(z, 1, 16), state = sub(z, 17, 17), mark = sub(z, 24) }
end
`
