/** The audit of what is counted: of queues, and under limits. Requests and defects are as in audit.ts. */

/**
 * auditCounts: what is counted of the queues. Request: { repair, how many tasks there may be }. Answer: { defects }, or { } if
 * there are more.
 */
export const AUDIT_COUNTS: string = String.raw`
local total, sums = 0, {}
for _, n in ipairs(call('HVALS', P .. 'cA')) do total = total + n end
if total > IN[2] then return {} end
local function add(q, field, n)
  sums[q] = sums[q] or {}
  sums[q][field] = (sums[q][field] or 0) + n
end
local function addTask(v, runs, kept)
  local flags, state, q = decode('>I2', v, 2), sub(v, 1, 1), sub(v, 23, 25)
  if state == 'p' and runs then state = 'r' elseif state == 'p' and band(flags, HELD) ~= 0 then state = 'h' end
  add(q, state, 1)
  local head = band(flags, OWNED) ~= 0 and 111 or 59
  if not isFinal(state) then add(q, 'L', band(flags, APART) ~= 0 and decode('>I4', v, head + 1) or #v - head)
  elseif not kept then add(q, 'N', 1); add(q, 'B', decode('>I4', v, 108)) end
end
-- the tasks of a chunk together: there is little time for all of them
for _, chunk in ipairs(call('ZRANGE', P .. 'CA', 0, -1)) do
  local text, ids, keys = call('GET', P .. 'A' .. chunk) or '', {}, {}
  for i = 1, #text, 16 do
    ids[#ids + 1] = sub(text, i, i + 15)
    keys[#keys + 1] = TASK .. ids[#ids]
  end
  if #ids > 0 then
    local values, runs, kept = call('MGET', unpack(keys)), call('HMGET', P .. 'r', unpack(ids)), call('HMGET', P .. 'K', unpack(ids))
    for i, v in ipairs(values) do
      if v and decode('>I6', v, 5) == chunk * CHUNK + i - 1 then addTask(v, runs[i], kept[i]) end
    end
  end
end
local NAMES = { b = 'blocked', p = 'pending', h = 'held', r = 'running', s = 'succeeded', f = 'failed', c = 'cancelled',
  N = 'final', L = 'live bytes', B = 'final bytes' }
local queues = call('HGETALL', P .. 'Q')
for i = 1, #queues, 2 do
  local q, wrong = queues[i + 1], {}
  for _, field in ipairs({ 'b', 'p', 'h', 'r', 's', 'f', 'c', 'N', 'L', 'B' }) do
    local says, is = tonumber(call('HGET', P .. 'q' .. q, field) or 0), (sums[q] or {})[field] or 0
    if says ~= is then wrong[#wrong + 1] = { field, says, is } end
  end
  local told = {}
  for _, of in ipairs(wrong) do told[#told + 1] = string.format('it says %.0f %s, and has %.0f', of[2], NAMES[of[1]], of[3]) end
  if #wrong > 0 then
    find('queue-counts', queues[i], concat(told, '; '), function()
      for _, of in ipairs(wrong) do call('HSET', P .. 'q' .. q, of[1], string.format('%.0f', of[3])) end
    end)
  end
end
return { found }
`

/**
 * auditLimits: what is counted under one limit. Request: { repair, the name it comes behind, where to go on with its keys, how
 * many }. Answer: { its name | '', where to go on | '', defects }.
 */
export const AUDIT_LIMITS: string = String.raw`
local names, name = call('HKEYS', P .. 'H'), nil
table.sort(names)
for _, one in ipairs(names) do
  if not name and one > IN[2] and flow().limitNamed(one).concurrency >= 0 then name = one end
end
if not name then return { '', '', found } end
local sums = countRunning({ [name] = true })[name]
local function compare(key, used)
  local runs = sums[key] or 0
  if used == runs then return end
  find('limit-count', key == '' and name or name .. ' ' .. key, string.format('%.0f are counted, and %.0f run', used, runs), function() end)
end
local page = call('HSCAN', P .. 'F' .. name, IN[3], 'COUNT', IN[4])
for i = 1, #page[2], 2 do compare(page[2][i], flow().readUsage(page[2][i + 1]).used) end
-- what runs under keys of which nothing is kept
if IN[3] == '0' then
  for key in pairs(sums) do
    if call('HEXISTS', P .. 'F' .. name, key) == 0 then compare(key, 0) end
  end
end
return { name, page[1] ~= '0' and page[1] or '', found }
`
