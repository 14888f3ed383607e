/**
 * Schedules. J<name> is one: v version, p plan, h '1' if paused, n its next fire ('' for never), la and lt fire time and
 * task of its last run; j has the names of all, y those that wait by their next fire. Numbers travel as texts.
 */

const ROW = String.raw`
local function rowOf(name)
  local row = call('HMGET', P .. 'J' .. name, 'v', 'p', 'h', 'n', 'la', 'lt')
  if not row[1] then return 0 end
  return { name, row[1], row[2], row[3], row[4], row[5] or '', row[6] or '' }
end
`

/** schedule. Request: { name }. Answer: { name, version, plan, paused, next, last fire | '', last task | '' } or 0. */
export const SCHEDULE: string = String.raw`
${ROW}
return rowOf(IN[1])
`

/** schedules. Request: { name to start behind | '', how many }. Answer: rows, by name. */
export const SCHEDULES: string = String.raw`
${ROW}
local rows = {}
local from = IN[1] == '' and '-' or '(' .. IN[1]
for _, name in ipairs(call('ZRANGE', P .. 'j', from, '+', 'BYLEX', 'LIMIT', 0, IN[2])) do rows[#rows + 1] = rowOf(name) end
return rows
`

/** dueSchedules. Request: { how many }. Answer: { now, rows, when the next one is due | '' }. */
export const DUE_SCHEDULES: string = String.raw`
${ROW}
local rows = {}
for _, name in ipairs(call('ZRANGEBYSCORE', P .. 'y', '-inf', NOW, 'LIMIT', 0, IN[1])) do rows[#rows + 1] = rowOf(name) end
local next = call('ZRANGE', P .. 'y', #rows, #rows, 'WITHSCORES')
return { NOW, rows, next[2] or '' }
`

const WAITING = String.raw`
local function wait(name, next, paused)
  if next == '' or paused then call('ZREM', P .. 'y', name) else call('ZADD', P .. 'y', next, name) end
end
`

/** putSchedule. Request: { name, version | '', plan, '1' | '0' paused, next | '' never | 'k' keep }. Answer: { 'p' | 'c', version | '' }. */
export const PUT_SCHEDULE: string = String.raw`
${WAITING}
local name, key = IN[1], P .. 'J' .. IN[1]
local before = call('HMGET', key, 'v', 'n')
if (before[1] or '') ~= IN[2] then return { 'c', before[1] or '' } end
local version = call('HINCRBY', META, 'schedules', 1)
local next = IN[5]
if next == 'k' then next = before[2] or '' end
call('HSET', key, 'v', version, 'p', IN[3], 'h', IN[4], 'n', next)
call('ZADD', P .. 'j', 0, name)
wait(name, next, IN[4] == '1')
hint.schedules = true
finish()
return { 'p', tostring(version) }
`

/** removeSchedule. Request: { name }. Answer: 1, or 0 if there was none. */
export const REMOVE_SCHEDULE: string = String.raw`
call('ZREM', P .. 'j', IN[1])
call('ZREM', P .. 'y', IN[1])
return call('DEL', P .. 'J' .. IN[1])
`

/**
 * tick. Request: { name, version, fire time, next | '', fire time of the last run | '', 'a' | 's' | 'q' | 'r' overlap,
 * tasks as add has them, their lanes }. Answer: as add answers a group; { 'k' }: the last run lives, nothing was added.
 * With a lane that is not known: 'lanes', and no effect.
 */
export const TICK: string = String.raw`
${WAITING}
if not areThere(IN[8]) then return 'lanes' end
local name, overlap, tasks = IN[1], IN[6], IN[7]
local key = P .. 'J' .. name
local row = call('HMGET', key, 'v', 'h', 'n', 'lt')
if row[1] ~= IN[2] or row[2] ~= '0' or row[3] ~= IN[3] or tonumber(IN[3]) > NOW then return { 's' } end
-- the last run, while it lives; one that is to be enqueued itself is in nobody's way
local last = row[4]
for _, task in ipairs(tasks) do
  if task[1] == last then last = false end
end
local there = last and known(last)
if not there or isFinal(there.state) then last = false end
local function advance()
  call('HSET', key, 'n', IN[4])
  wait(name, IN[4], false)
end
if last and overlap == 's' then
  advance()
  finish()
  return { 'k' }
end
local first = tasks[1]
if last and first then
  if overlap == 'q' or (overlap == 'r' and there.state == 'r') then first[6] = first[6] .. last .. 'r'
  -- whoever is replaced before it could start leaves to its successor for whom it waited
  elseif overlap == 'r' and there.state == 'b' then first[6] = first[6] .. (load(last).x.a or '') end
end
local answer = addGroup({ 2, false, false, tasks })
if answer[1] ~= 'a' then return answer end
if last and overlap == 'r' then
  local T = load(last)
  cancelTask(T, '.replaced by the next run of ' .. name)
  save(T)
end
if #tasks > 0 then
  local verdict = answer[#answer]
  -- an id alone is that of whom the run replaced
  call('HSET', key, 'la', IN[5], 'lt', #verdict == 17 and sub(verdict, 1, 16) or tasks[#tasks][1])
end
advance()
tellDependents()
finish()
return answer
`
