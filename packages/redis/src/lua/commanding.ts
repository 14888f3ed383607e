/** Asks a task to stop, or cancels it. The reason is '' for none, else it has a dot before it. Whoever calls it saves the task. */
export const CANCELLING: string = String.raw`
local function cancelTask(T, reason)
  local asked = NOW6 .. (reason == '' and 'n' or 't') .. sub(reason, 2)
  if T.run then
    if T.x.c then return 'q' end
    put(T, 'c', asked)
    T.run.cancelAt = NOW
    record(T, 'q', sub(reason, 2))
    writeRun(T)
    watchRun(T)
    hint.cancel = true
    return 'q'
  end
  if isFinal(T.state) then return 'r' end
  T.epoch = T.epoch + 1
  put(T, 'c', asked)
  move(T, 'c', { letter = 'x', detail = sub(reason, 2) })
  return 'c'
end
`

/**
 * command: what operators do to tasks.
 *
 * Request: { nonce, kind, argument, ids, states | false, until }. Kinds: cancel (reason, '' for none, else with a
 * dot before it), retry ({ kind of payload, payload } or false), remove, hold, release, edit ({ level | -1, due time | -1, { kind of payload, payload } | false }). With states,
 * only those tasks are meant that are in one of them and were so at until.
 * Answer: a letter per id: c changed, q requested, r refused, k key held, u unknown, - not meant.
 */
export const COMMAND: string = String.raw`
local nonce, kind, argument, states, till = IN[1], IN[2], IN[3], IN[5], IN[6]
local APART_MOST = 8192
local OBEY = {}
function OBEY.cancel(T) return cancelTask(T, argument) end
local function putPayload(T, of)
  dropApart(T)
  put(T, 'ck', false)
  mark(T, BINARY, of[1] == 2)
  T.body = of[2]
  if #of[2] > APART_MOST then
    call('SET', P .. 'p' .. T.id, of[2])
    mark(T, APART, true)
    T.body = I4(#of[2])
  end
end
function OBEY.retry(T)
  if T.run or (T.state ~= 'f' and T.state ~= 'c') then return 'r' end
  if T.x.u and not T.x.um and call('HEXISTS', P .. 'k', T.x.u) == 1 then return 'k' end
  local generation = countersOf(T)[GENERATION]
  local function set()
    mark(T, HELD, false)
    mark(T, OPEN, false)
    put(T, 'c', false)
    put(T, 'e', false)
    T.nonce, T.runAt, T.epoch = NONONCE, NOW, T.epoch + 1
    putCounters(T, { 0, 0, 0, 0, 0, 0, generation + 1 })
    if T.x.sm then put(T, 'sb', string.format('%.0f', NOW + T.x.sm)) end
    if T.x.dm then put(T, 'dl', string.format('%.0f', NOW + T.x.dm)) end
    if argument then putPayload(T, argument) end
  end
  move(T, 'p', { letter = 'g', set = set })
  return 'c'
end
function OBEY.remove(T)
  if T.run then return 'r' end
  removeTask(T, nonce .. 'c')
  return 'c'
end
local function edit(T, letter, detail, same, set)
  if T.run or (T.state ~= 'b' and T.state ~= 'p') then return 'r' end
  if not same then move(T, T.state, { letter = letter, detail = detail, set = set }) end
  return 'c'
end
function OBEY.hold(T) return edit(T, 'h', nil, has(T, HELD), function() mark(T, HELD, true) end) end
function OBEY.release(T) return edit(T, 'l', nil, not has(T, HELD), function() mark(T, HELD, false) end) end
function OBEY.edit(T)
  local level, runAt, payload = argument[1], argument[2], argument[3]
  local parts = {}
  if payload then parts[1] = 'input' end
  if level >= 0 and level ~= T.level then parts[#parts + 1] = 'priority' end
  if runAt >= 0 and runAt ~= T.runAt then parts[#parts + 1] = 'runAt' end
  return edit(T, 'd', concat(parts, ', '), #parts == 0, function()
    if level >= 0 then T.level = level end
    if runAt >= 0 then T.runAt = runAt end
    if not payload then return end
    local size = bodySize(T)
    putPayload(T, payload)
    count(T.q, 'L', bodySize(T) - size)
    hold(T.lane, 0, bodySize(T) - size)
  end)
end
local function obey(id)
  local T = load(id)
  local by = T and T.x.m
  if not T then
    local z = tombstone(id)
    by = z and z.mark
    return by and sub(by, 1, 8) == nonce and sub(by, 9) or 'u'
  end
  if by and sub(by, 1, 8) == nonce then return sub(by, 9) end
  local since = T.run and T.run.claimedAt or T.since
  if states and not (string.find(states, stateOf(T), 1, true) and since <= till) then return '-' end
  local outcome = OBEY[kind](T)
  if (outcome == 'c' and kind ~= 'remove') or outcome == 'q' then
    put(T, 'm', nonce .. outcome)
    save(T)
  end
  return outcome
end
local outcomes = {}
for i, id in ipairs(IN[4]) do outcomes[i] = obey(id) end
tellDependents()
finish()
return concat(outcomes)
`

/**
 * configureQueue. Request: { queue, '1' | '0' | false paused, bounds (upkeep.ts) | '' (none of its own) | false, JSON of them,
 * by whom it is paused | false }. One that is paused already keeps since when, and by whom.
 */
export const CONFIGURE: string = String.raw`
local key = P .. 'q' .. IN[1]
call('HSET', key, 'own', 1)
if IN[2] then
  local was = call('HGET', key, 'paused') == '1'
  if IN[2] == '0' then
    if was then hint.ready = true end
    call('HDEL', key, 'pausedAt', 'pausedBy')
  elseif not was then
    call('HSET', key, 'pausedAt', string.format('%.0f', NOW))
    if IN[5] then call('HSET', key, 'pausedBy', IN[5]) end
  end
  call('HSET', key, 'paused', IN[2])
end
if IN[3] == '' then call('HDEL', key, 'keeps', 'retention')
elseif IN[3] then call('HSET', key, 'keeps', IN[3], 'retention', IN[4]) end
finish()
return 1
`
