/** Tells dependents what became of their parents, and holds back graphs behind their gates. */
export const DEPENDENTS: string = String.raw`
local resolutions = 1000
-- so many of the things that a blocked task waits for are there, or need not be
local function stopWaiting(T, met)
  local left = tonumber(T.x.b) - (met or 1)
  put(T, 'b', left > 0 and tostring(left))
  if left > 0 then return save(T) end
  move(T, 'p', { letter = 'u' })
end
local function endByParent(T, ifFailed)
  if ifFailed == 'c' then return move(T, 'c', { letter = 'x', detail = 'dependency' }) end
  T.reason = REASON.dependency
  move(T, 'f', { letter = 'f', detail = 'dependency' })
end
-- one whose failure would start the task has ended
local function endTrigger(T, state)
  local left = tonumber(T.x.bt or 0)
  if left == 0 then return end
  if state == 's' then
    if left == 1 then return endByParent(T, 'c') end
    put(T, 'bt', tostring(left - 1))
    return stopWaiting(T)
  end
  put(T, 'bt', false)
  -- it waits for the others no more
  for _, edge in ipairs(parentsOf(T)) do
    if edge[2] == 't' then closeEdge(edge[1], T.id .. 't') end
  end
  stopWaiting(T, left)
end
-- works off the outbox, as far as this operation may; dependents that end by it stand there, too
-- @return how many edges were resolved
local function tellDependents()
  -- one who waits for thousands is long to read, and is often told of many at once
  local told, known, size = 0, {}, 0
  while resolutions > 0 do
    local delivery = call('ZRANGE', P .. 'b', 0, 0)[1]
    if not delivery then return told end
    local state, key = sub(delivery, 17, 17), P .. 'W' .. delivery
    local children = call('SPOP', key, math.min(resolutions, 100))
    if call('EXISTS', key) == 0 then paid(delivery) end
    for _, child in ipairs(children) do
      resolutions, told = resolutions - 1, told + 1
      local id, ifFailed = sub(child, 1, 16), sub(child, 17)
      local T = known[id]
      if not T then
        T = load(id)
        if size == 8 then known, size = {}, 0 end
        if T then known[id], size = T, size + 1 end
      end
      if T and stateOf(T) == 'b' then
        if ifFailed == 't' then endTrigger(T, state)
        elseif state == 's' or ifFailed == 'r' then stopWaiting(T)
        else endByParent(T, ifFailed) end
      end
    end
  end
  return told
end
`

export const GATES: string = String.raw`
local GATE_OPENS_MS, GATE_KEPT_MS = 3600000, 86400000
local function decideGate(name, fate)
  call('HSET', P .. 'g' .. name, 'd', fate, 't', NOW)
  call('ZADD', P .. 'h', (fate == 'g') and NOW or NOW + GATE_KEPT_MS, name)
end
-- what is known of a gate: false if nothing. Looking at one whose time is over decides it
local function gateNamed(name)
  local g = call('HMGET', P .. 'g' .. name, 'n', 'd', 't')
  local fate, at = g[2], tonumber(g[3] or 0)
  if not g[1] then return false end
  if not fate and g[1] + GATE_OPENS_MS <= NOW then
    decideGate(name, 'g')
    fate, at = 'g', NOW
  end
  if fate and at + GATE_KEPT_MS <= NOW and call('EXISTS', P .. 'G' .. name) == 0 then
    call('DEL', P .. 'g' .. name)
    call('ZREM', P .. 'h', name)
    return false
  end
  return { fate = fate, at = at }
end
local function nameGate(name)
  local gate = gateNamed(name)
  if gate then return gate end
  call('HSET', P .. 'g' .. name, 'n', NOW)
  call('ZADD', P .. 'h', NOW + GATE_OPENS_MS, name)
  return { fate = false, at = 0 }
end
-- a duplicate behind a gate that was not opened goes over to the one that its group names, or to none
local function changeGate(T, next)
  local old = T.x.g
  if not old or old == next then return end
  local gate = gateNamed(old)
  if gate and gate.fate == 'o' then return end
  call('SREM', P .. 'G' .. old, T.id)
  local shut = next and nameGate(next).fate ~= 'o'
  put(T, 'g', shut and next)
  if not shut then return stopWaiting(T) end
  call('SADD', P .. 'G' .. next, T.id)
  save(T)
end
-- lets through some of those who wait behind a gate that was opened; @return whether more wait
local function openUp(name)
  for _, id in ipairs(call('SPOP', P .. 'G' .. name, 1000)) do
    local T = load(id)
    if T and T.x.g == name then
      put(T, 'g', false)
      stopWaiting(T)
    end
  end
  local more = call('EXISTS', P .. 'G' .. name)
  call(more == 1 and 'SADD' or 'SREM', P .. 'v', name)
  return more
end
`
