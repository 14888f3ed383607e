/**
 * The leases of worker processes. A session is a hash: x when its lease ends, o when it was opened, r the number
 * of its last renewal, b when it was opened last, p how it describes itself (JSON), e how it is to end and c with how many
 * handlers, as it was ordered, a the nonces of the last requests that were repeated.
 */

/**
 * What a worker gave up may arrive behind its own repeat: then it takes nothing, since nobody waits for its answer.
 * Functions of exchange and reclaim, whose requests begin with { session, nonce, again }.
 */
export const REPEATS: string = String.raw`
local REPEATS_KEPT = 16
-- @return whether the lease of the session holds, and whether this request has been overtaken by its repeat
local function present()
  local key, nonce = P .. 's' .. IN[1], IN[2]
  local s = call('HMGET', key, 'x', 'a')
  local repeats, known = s[2] or '', false
  for i = 1, #repeats, 8 do known = known or sub(repeats, i, i + 7) == nonce end
  local alive = s[1] and tonumber(s[1]) > NOW
  if IN[3] == 1 and alive and not known then call('HSET', key, 'a', sub(nonce .. repeats, 1, 8 * REPEATS_KEPT)) end
  return alive, known and IN[3] == 0
end
`

/**
 * openSession. Request: { session, ttl ms, profile, { type, definition, … } }. Answer: { 'alive' | 'dead', now }.
 * Advances the floor of the clock.
 */
export const OPEN_SESSION: string = String.raw`
local key = P .. 's' .. IN[1]
local ends = call('HGET', key, 'x')
if ends and tonumber(ends) <= NOW then return { 'dead', NOW } end
if not ends then call('HSET', key, 'o', NOW) end
call('HSET', key, 'x', NOW + IN[2], 'p', IN[3], 'b', NOW)
call('ZADD', P .. 'S', NOW + IN[2], IN[1])
for from = 1, #IN[4], 2000 do call('HSET', P .. 'D', unpack(IN[4], from, math.min(from + 1999, #IN[4]))) end
call('HSET', META, 'floor', NOW)
return { 'alive', NOW }
`

/** orderSession. Request: { session, end or '', how many handlers or 0 }. Answer: 'alive' | 'dead'. */
export const ORDER_SESSION: string = String.raw`
local key = P .. 's' .. IN[1]
local ends = call('HGET', key, 'x')
if not ends or tonumber(ends) <= NOW then return 'dead' end
if IN[2] ~= '' then call('HSET', key, 'e', IN[2]) end
if IN[3] > 0 then call('HSET', key, 'c', IN[3]) end
return 'alive'
`

/** closeSession. Request: { session }. What it holds lapses at once. */
export const CLOSE_SESSION: string = String.raw`
local key = P .. 's' .. IN[1]
local ends = call('HGET', key, 'x')
if ends and tonumber(ends) > NOW then
  call('HSET', key, 'x', NOW)
  call('ZADD', P .. 'S', NOW, IN[1])
  call('HSET', META, 'floor', NOW)
end
return 1
`

/**
 * renew: extends a lease, starts the clocks of attempts, and returns strays.
 *
 * Request: { session, ttl ms, number, { id, fence, started, … }, { nonce, … } }. Answer: { 'dead', now } or
 * { 'alive', now, indexes of the lost, { index, cancel request, … }, end and handlers as ordered, where nothing is '' }. Advances the floor of the clock.
 */
export const RENEW: string = String.raw`
local session, held, key = IN[1], IN[4], P .. 's' .. IN[1]
local s = call('HMGET', key, 'x', 'r', 'e', 'c')
if not s[1] or tonumber(s[1]) <= NOW then return { 'dead', NOW } end
call('HSET', key, 'x', NOW + IN[2])
call('ZADD', P .. 'S', NOW + IN[2], session)
call('HSET', META, 'floor', NOW)
local ids, recs = {}, {}
for i = 1, #held, 3 do ids[#ids + 1] = held[i] end
local function lookUp()
  for from = 1, #ids, 1000 do
    local some = call('HMGET', P .. 'r', unpack(ids, from, math.min(from + 999, #ids)))
    for i = 1, #some do recs[from + i - 1] = some[i] end
  end
end
local function fits(i) return recs[i] and sub(recs[i], 53, 64) == held[3 * i - 1] end

local function startClock(id)
  local T = load(id)
  if T.run.attemptAt > 0 then return end
  T.run.attemptAt = NOW
  writeRun(T)
  watchRun(T)
end
local function returnStray(T)
  T.verdict, T.settled = 'a', 0
  local run, to, letter = T.run, 'p', 'b'
  if T.x.c then to, letter = 'c', 'x'; mark(T, OPEN, true)
  else countEnd(T, RETURNS); mark(T, OPEN, false) end
  move(T, to, { letter = letter, detail = T.x.c and sub(T.x.c, 8), session = run.session, back = true, set = function() run.nonce = NONONCE end })
end
local function findStrays()
  local listed, awaited, strays = {}, {}, {}
  for i = 1, #ids do if fits(i) then listed[ids[i]] = true end end
  for _, nonce in ipairs(IN[5]) do awaited[nonce] = true end
  for _, id in ipairs(call('SMEMBERS', P .. 'u' .. session)) do
    local rec = call('HGET', P .. 'r', id)
    local there = listed[id] or awaited[sub(rec, 57, 64)]
    if not there or #rec > PLAIN_RUN then
      local T = load(id)
      local missed = there and 0 or math.min(T.run.missed + 1, 2)
      if missed >= 2 and T.run.cause == 0 then strays[#strays + 1] = T
      elseif missed ~= T.run.missed then
        T.run.missed = missed
        writeRun(T)
        -- one that was taken over keeps the cause of that: it is left for the next who reclaims
        watchRun(T)
      end
    end
  end
  table.sort(strays, function(a, b) return a.seq < b.seq end)
  for _, T in ipairs(strays) do returnStray(T) end
end
lookUp()
if IN[3] > tonumber(s[2] or 0) then
  call('HSET', key, 'r', IN[3])
  for i = 1, #ids do
    if held[3 * i] == 1 and fits(i) and (#recs[i] == PLAIN_RUN or decode('>I6', recs[i], 92) == 0) then startClock(ids[i]) end
  end
  findStrays()
  takeKeys()
  tellDependents()
  lookUp()
end
local lost, cancelled = {}, {}
for i = 1, #ids do
  if not fits(i) then lost[#lost + 1] = i - 1
  elseif #recs[i] > PLAIN_RUN and decode('>I6', recs[i], 116) > 0 then
    cancelled[#cancelled + 1] = i - 1
    cancelled[#cancelled + 1] = call('HGET', P .. 'x' .. ids[i], 'c')
  end
end
finish()
return { 'alive', NOW, lost, cancelled, s[3] or '', s[4] or '' }
`

/**
 * renewBlind: extends a lease, whatever the session holds. Request: { session, ttl ms }. Answer: { 'dead', now } or
 * { 'alive', now, { id, fence, cancel request, … of what it runs and is asked to stop } }. Advances the floor of the clock.
 */
export const RENEW_BLIND: string = String.raw`
local key = P .. 's' .. IN[1]
local ends = call('HGET', key, 'x')
if not ends or tonumber(ends) <= NOW then return { 'dead', NOW } end
call('HSET', key, 'x', NOW + IN[2])
call('ZADD', P .. 'S', NOW + IN[2], IN[1])
call('HSET', META, 'floor', NOW)
local cancelled = {}
for _, id in ipairs(call('SMEMBERS', P .. 'u' .. IN[1])) do
  local rec = call('HGET', P .. 'r', id)
  if rec and #rec > PLAIN_RUN and decode('>I6', rec, 116) > 0 then
    cancelled[#cancelled + 1] = id
    cancelled[#cancelled + 1] = sub(rec, 53, 64)
    cancelled[#cancelled + 1] = call('HGET', P .. 'x' .. id, 'c')
  end
end
return { 'alive', NOW, cancelled }
`
