/**
 * reclaim: takes over running tasks that nobody looks after.
 *
 * Request: { session, nonce, again, tasks max, grace ms }. Answer: { 'dead' } or { 'alive', { id, record,
 * counters, terms of its own, epoch, cause, from, … } }; causes: 1 deadline, 2 cancel, 3 lapsed, 4 timeout.
 */
export const RECLAIMING: string = String.raw`
local CAUSES = { 'deadline', 'cancel', 'lapsed', 'timeout' }
local lives = {}
local function isAlive(session)
  if lives[session] == nil then
    local ends = call('HGET', P .. 's' .. session, 'x')
    lives[session] = (ends and tonumber(ends) > NOW) or false
  end
  return lives[session]
end
local function passed(at, grace) return at and at > 0 and at + grace <= NOW end
local function causeOf(T, grace)
  local run = T.run
  local lapsed = not isAlive(run.session)
  if run.cause > 0 then return (lapsed or run.missed >= 2) and run.cause or nil end
  if passed(tonumber(T.x.dl), grace) then return 1 end
  if passed(run.cancelAt, grace) then return 2 end
  if lapsed then return 3 end
  local timeout = run.attemptAt > 0 and timeoutOf(T)
  return timeout and passed(run.attemptAt + timeout, grace) and 4 or nil
end
local function takeOver(T, cause, session, nonce)
  local run = T.run
  call('SREM', P .. 'u' .. run.session, T.id)
  call('SADD', P .. 'u' .. session, T.id)
  call('ZREM', P .. 'o', T.id)
  T.epoch = T.epoch + 1
  record(T, 'k', CAUSES[cause], session)
  run.epoch, run.nonce, run.from, run.session, run.cause = T.epoch, nonce, run.session, session, cause
  run.settled, run.attemptAt, run.missed = 0, 0, 0
  save(T)
end
local function answerFor(T, answer)
  local run = T.run
  for _, value in ipairs({ T.id, call('GET', P .. 't' .. T.id), T.x.n or '', T.x.t or '', run.epoch, run.cause, run.from }) do
    answer[#answer + 1] = value
  end
end
`

export const RECLAIM: string = String.raw`
local session, nonce, most, grace = IN[1], IN[2], IN[4], IN[5]
local alive, overtaken = present()
if not alive then return { 'dead' } end
if overtaken then return { 'alive', {} } end
local answer, taken = {}, 0
if IN[3] == 1 then
  for _, id in ipairs(call('SMEMBERS', P .. 'u' .. session)) do
    local T = load(id)
    if T.run.nonce == nonce and T.run.cause > 0 then answerFor(T, answer) end
  end
end
local function look(id)
  local T = load(id)
  local cause = T and T.run and causeOf(T, grace)
  if not cause then return end
  takeOver(T, cause, session, nonce)
  answerFor(T, answer)
  taken = taken + 1
end
if #answer == 0 then
  for _, id in ipairs(call('ZRANGEBYSCORE', P .. 'o', '-inf', NOW - grace, 'LIMIT', 0, most)) do look(id) end
  for _, dead in ipairs(call('ZRANGEBYSCORE', P .. 'S', '-inf', NOW, 'LIMIT', 0, 1000)) do
    if taken >= most then break end
    local ids = call('SRANDMEMBER', P .. 'u' .. dead, most - taken)
    if #ids == 0 then
      -- nothing is left of it but that it is dead
      call('ZREM', P .. 'S', dead)
      call('ZADD', P .. 'X', NOW, dead)
    end
    for _, id in ipairs(ids) do look(id) end
  end
end
finish()
return { 'alive', answer }
`
