/**
 * add: enqueues groups of tasks.
 *
 * Request: the lanes of all tasks, then parts. A plain part { 1, queue, route, columns 1 to 4, sizes, { id, record from column 23 on, … },
 * { labels, … } | false, { due kind, due ms, … } | false, 1 if they have lanes | false } holds groups of new, ordinary tasks of one route and level. A group { 2, { task, fence } | false, gate | false, { task, … } }
 * has tasks { id, record but for columns 5 to 22, due kind (0 in, 1 at), due ms, { field, value, … } extras, parents,
 * unique key | false, 'k' | 'p' (replace) | 'r', startByMs | -1, deadlineMs | -1, apart payload | false,
 * what holds the key: 'l' living | 'w' waiting | 't' a time, that time in ms, whether a client drew the id, dueByMs | -1 }.
 * Answer: per part 1 (all created), or a list of answers per group: { 'a', '' | id .. state | id of whom it replaced, … },
 * { 'r', index, code, … } or { 's' }. With a lane that is not known: 'lanes', and no effect.
 */
export const ADDING: string = String.raw`
-- the digest and state of a task, or of its tombstone; false if neither is there
local function known(id)
  local v = call('GETRANGE', P .. 't' .. id, 0, 46)
  if v == '' then
    local z = tombstone(id)
    return z and { digest = z.digest, state = z.state } or false
  end
  local state = sub(v, 1, 1)
  if state == 'p' and call('HEXISTS', P .. 'r', id) == 1 then state = 'r' end
  return { digest = sub(v, 32), state = state }
end
local function judgeIds(group, plan)
  local fresh = {}
  for index, task in ipairs(group[4]) do
    local id, digest = task[1], sub(task[2], 14, 29)
    local there = fresh[id] or known(id)
    if there and there.digest ~= digest then return { 'r', index - 1, 'conflict', id } end
    plan.duplicateOf[index] = there and id or false
    if not there then fresh[id] = { digest = digest }; plan.new = true end
  end
end
local function holds(under)
  local rec = call('HGET', P .. 'r', under[1])
  return rec and sub(rec, 53, 64) == under[2]
end
-- the id of the task that holds the key which a newcomer asks for; false if nobody does
local function holderOf(task)
  if task[12] ~= 't' then return call('HGET', P .. 'k', task[7]) end
  local held = call('HGET', P .. 'V', task[7])
  return held and decode('>I6', held, 17) > NOW and sub(held, 1, 16)
end
-- g: nothing is left of it but the window that it opened
local function stateNow(id)
  local there = known(id)
  return there and there.state or 'g'
end
local function judgeKeys(group, plan)
  local taken = {}
  for index, task in ipairs(group[4]) do
    local key = task[7]
    if key and not plan.duplicateOf[index] then
      local name = (task[12] == 't' and 't' or 'l') .. key
      local by = taken[name]
      if not by then
        local holder = holderOf(task)
        by = holder and { holder, stateNow(holder) }
      end
      if not by or (task[8] == 'p' and (by[2] == 'b' or by[2] == 'p')) then
        taken[name] = { task[1], (task[6] == '' and not group[3]) and 'p' or 'b' }
      elseif task[8] == 'k' then
        plan.duplicateOf[index] = by[1]
        plan.aliases[task[1]] = by[1]
      else return { 'r', index - 1, 'unique', key, by[1] .. by[2] } end
    end
  end
end
-- the edges of a task, to who is there: one to each
local function edgesOf(task, plan)
  local edges, seen, a = {}, {}, task[6]
  for i = 1, #a, 17 do
    local named = sub(a, i, i + 15)
    local parent = plan.aliases[named] or named
    if not seen[parent] then edges[#edges + 1] = { parent, sub(a, i + 16, i + 16) }; seen[parent] = true end
  end
  return edges
end
local function judgeParents(group, plan)
  local before = {}
  for index, task in ipairs(group[4]) do
    if not plan.duplicateOf[index] then
      for _, edge in ipairs(edgesOf(task, plan)) do
        if not before[edge[1]] and not known(edge[1]) then return { 'r', index - 1, 'unknown-parent', edge[1] } end
      end
    end
    before[task[1]] = true
  end
end
local function putLimits(T, startByMs, deadlineMs)
  if startByMs >= 0 then put(T, 'sm', string.format('%.0f', startByMs)); put(T, 'sb', string.format('%.0f', NOW + startByMs)) end
  if deadlineMs >= 0 then put(T, 'dm', string.format('%.0f', deadlineMs)); put(T, 'dl', string.format('%.0f', NOW + deadlineMs)) end
  mark(T, LIMITED, startByMs >= 0 or deadlineMs >= 0)
end
local function uuidText(id)
  local hex = string.gsub(id, '.', function(c) return string.format('%02x', byte(c)) end)
  return concat({ sub(hex, 1, 8), sub(hex, 9, 12), sub(hex, 13, 16), sub(hex, 17, 20), sub(hex, 21) }, '-')
end
-- cancels who holds the key of a newcomer that is to take its place; @return its id, false if there is none
local function replace(task)
  local holder = task[7] and task[8] == 'p' and holderOf(task)
  local T = holder and load(holder)
  if not T or T.run or (T.state ~= 'b' and T.state ~= 'p') then return false end
  T.epoch = T.epoch + 1
  put(T, 'c', NOW6 .. 'treplaced')
  move(T, 'c', { letter = 'x', detail = 'replaced by ' .. uuidText(task[1]) })
  return holder
end
local function beginWindow(task)
  if task[12] ~= 't' then return end
  call('HSET', P .. 'V', task[7], task[1] .. I6(NOW + task[13]))
  call('ZADD', P .. 'U', NOW + task[13], task[7])
end
local function create(group, task, plan, replaced)
  local id, gate = task[1], group[3]
  local T = read(id, sub(task[2], 1, 4) .. I6(logged('A', id)) .. NOW6 .. NOW6 .. sub(task[2], 5), false)
  T.runAt = task[3] == 1 and task[4] or NOW + task[4]
  for i = 1, #task[5], 2 do put(T, task[5][i], task[5][i + 1]) end
  if task[7] then
    put(T, 'u', task[7])
    if task[12] ~= 'l' then put(T, 'um', task[12]) end
    if replaced then put(T, 'rp', replaced) end
    beginWindow(task)
  end
  putLimits(T, task[9], task[10])
  if task[15] >= 0 then put(T, 'db', string.format('%.0f', NOW + task[15])) end
  if T.lane ~= NOLANE then lanes().addUsers(T.lane, 1) end
  if task[11] then call('SET', P .. 'p' .. id, task[11]) end
  local behind = call('HGET', P .. 'Y', id)
  if behind then put(T, 'd', behind); call('HDEL', P .. 'Y', id) end
  local edges, packed, open, triggers, ended, triggered, triggerable = edgesOf(task, plan), {}, {}, {}, false, false, false
  for _, edge in ipairs(edges) do
    packed[#packed + 1] = edge[1] .. edge[2]
    local state, trigger = known(edge[1]).state, edge[2] == 't'
    triggerable = triggerable or trigger
    if not isFinal(state) then
      local list = trigger and triggers or open
      list[#list + 1] = edge
    elseif state ~= 's' and trigger then triggered = true
    elseif state ~= 's' and edge[2] ~= 'r' and not ended then ended = edge[2] end
  end
  if triggered then triggers = {}
  elseif triggerable and #triggers == 0 and not ended then ended = 'c' end
  for _, edge in ipairs(triggers) do open[#open + 1] = edge end
  if #triggers > 0 then put(T, 'bt', tostring(#triggers)) end
  if #edges > 0 then put(T, 'a', concat(packed)) end
  local shut = gate and nameGate(gate).fate ~= 'o'
  local blockers = #open + (shut and 1 or 0)
  if blockers > 0 then put(T, 'b', tostring(blockers)) end
  T.state = (blockers > 0 or ended) and 'b' or 'p'
  beginLife(T)
  enter(T)
  save(T)
  if ended then return endByParent(T, ended) end
  for _, edge in ipairs(open) do
    call('SADD', P .. 'w' .. edge[1], id .. edge[2])
    local parent = load(edge[1])
    if not has(parent, PARENT) then mark(parent, PARENT, true); save(parent) end
  end
  if shut then put(T, 'g', gate); call('SADD', P .. 'G' .. gate, id); save(T) end
end
local function write(group, task, plan, index)
  local named = plan.duplicateOf[index]
  if not named then
    local replaced = replace(task)
    create(group, task, plan, replaced)
    return replaced or ''
  end
  local id = plan.aliases[named] or named
  local T = load(id)
  if not T then return id .. stateNow(id) end
  changeGate(T, group[3])
  -- the repeat of what replaced another task is answered as the first time
  return id == task[1] and task[14] == 1 and T.x.rp or id .. stateOf(T)
end
-- who waited for what was replaced is told before the next group; what was a duplicate of somebody may have been
-- replaced by a task behind it
local function tellReplaced(answer)
  local any = false
  for _, verdict in ipairs(answer) do any = any or #verdict == 16 end
  if not any then return end
  tellDependents()
  for i, verdict in ipairs(answer) do
    if #verdict == 17 then answer[i] = sub(verdict, 1, 16) .. stateNow(sub(verdict, 1, 16)) end
  end
end
local function addGroup(group)
  local plan = { duplicateOf = {}, aliases = {}, new = false }
  local refused = judgeIds(group, plan)
  if refused then return refused end
  if plan.new and group[2] and not holds(group[2]) then return { 's' } end
  local gate = group[3] and gateNamed(group[3])
  if gate and gate.fate == 'g' then return { 'r', 0, 'gate-gone', group[3] } end
  refused = judgeKeys(group, plan) or judgeParents(group, plan)
  if refused then return refused end
  if group[3] then nameGate(group[3]) end
  local answer = { 'a' }
  for index, task in ipairs(group[4]) do answer[index + 1] = write(group, task, plan, index) end
  tellReplaced(answer)
  return answer
end
-- what is due waits behind what fell due before it and could not be moved yet
local function addBehind(id) addLater(load(id)) end
-- the groups of a plain part that turned out not to be so plain
local function addOneByOne(part)
  local answers, at, labels, dues = {}, 1, part[7], part[8]
  for _, size in ipairs(part[5]) do
    local tasks = {}
    for _ = 1, size do
      tasks[#tasks + 1] = { part[6][at], part[4] .. part[6][at + 1], dues and dues[at] or 0, dues and dues[at + 1] or 0,
        labels and { 'l', labels[(at + 1) / 2] } or {}, '', false, 'k', -1, -1, false, 'l', 0, 1, -1 }
      at = at + 2
    end
    answers[#answers + 1] = addGroup({ 2, false, false, tasks })
  end
  return answers
end
`

export const ADD: string = String.raw`
local function standInLanes(part, laned, dues)
  local list, there = part[6], {}
  for i = 1, #list, 2 do
    if not dues or dues[i + 1] + (dues[i] == 0 and NOW or 0) <= NOW then
      local ids = there[laned[i]]
      if not ids then ids = {}; there[laned[i]] = ids end
      ids[#ids + 1] = list[i]
    end
  end
  for lane, ids in pairs(there) do lanes().stand(part[2], part[3], byte(part[4], 4), lane, ids) end
end
-- of a record from column 23 on, before its payload
local COLUMNS = 37
local function addPlain(part)
  local q, route, head, list = part[2], part[3], part[4], part[6]
  local level, labels, dues = byte(head, 4), part[7], part[8]
  local ready, later, nearest, laned = {}, {}, nil, part[9] and {}
  local ids, args, seen, size = {}, {}, {}, 0
  local seq, stamp = logs.A.next + #logs.A.ids, NOW6 .. NOW6
  for i = 1, #list, 2 do
    local id = list[i]
    if seen[id] then return false end
    seen[id] = true
    ids[(i + 1) / 2] = id
    args[i] = TASK .. id
    if dues then
      local at = dues[i + 1] + (dues[i] == 0 and NOW or 0)
      stamp = NOW6 .. I6(at)
      if at > NOW then
        later[#later + 1] = at
        later[#later + 1] = I6(seq) .. id .. char(level) .. (laned and sub(list[i + 1], 26, 33) or '')
        if not nearest or at < nearest then nearest = at end
      else ready[#ready + 1] = id end
    end
    if laned then laned[i] = sub(list[i + 1], 26, 33) end
    args[i + 1] = head .. pack('>I6', seq) .. stamp .. list[i + 1]
    size = size + #list[i + 1]
    seq = seq + 1
  end
  -- what was removed is looked at only while there is anything
  if call('EXISTS', P .. 'Y', P .. 'z') > 0 then
    for _, ghost in ipairs(call('HMGET', P .. 'Y', unpack(ids))) do
      if ghost then return false end
    end
    -- a request that its caller gave up may arrive behind its own repeat, whose tasks may be forgotten by now
    for _, buried in ipairs(call('HMGET', P .. 'z', unpack(ids))) do
      if buried then return false end
    end
  end
  if call('MSETNX', unpack(args)) == 0 then return false end
  for i = 1, #ids do logged('A', ids[i]) end
  count(q, 'p', #ids)
  count(q, 'L', size - COLUMNS * #ids)
  hint.ready = true
  if labels then
    for i = 1, #ids do call('HSET', P .. 'x' .. ids[i], 'l', labels[i]) end
  end
  if laned then
    local users, sizes = {}, {}
    for i = 1, #list, 2 do
      local lane = laned[i]
      users[lane], sizes[lane] = (users[lane] or 0) + 1, (sizes[lane] or 0) + #list[i + 1] - COLUMNS
    end
    for lane, n in pairs(users) do
      lanes().addUsers(lane, n)
      hold(lane, n, sizes[lane])
    end
  end
  if not dues then ready = ids end
  if #ready > 0 and moveDue(q, route) then
    if laned then standInLanes(part, laned, dues)
    elseif call('RPUSH', laneKey(q, route, level, ''), unpack(ready)) == #ready then call('SADD', P .. 'a' .. q, route .. char(level)) end
  elseif #ready > 0 then
    for i = 1, #ready do more().addBehind(ready[i]) end
  end
  if nearest then
    call('ZADD', P .. 'd' .. q .. route, unpack(later))
    local next = call('ZSCORE', P .. 'n' .. q, route)
    if not next or nearest < tonumber(next) then call('ZADD', P .. 'n' .. q, nearest, route) end
  end
  return true
end
local answers = {}
if not areThere(IN[1]) then return 'lanes' end
for index = 2, #IN do
  local part = IN[index]
  if part[1] == 2 then answers[index - 1] = { more().addGroup(part) }
  else answers[index - 1] = addPlain(part) and 1 or more().addOneByOne(part) end
end
finish()
return answers
`
