/**
 * Applies what core decided about claims, under their fences.
 *
 * A settlement is five values: id, fence (epoch 4, nonce 8), number 4, kind, argument. Kinds 0 to 2 are
 * success without a result, with a text, with bytes: the argument is the result. Kind 3 is anything else:
 * { to, counter, delay ms | -1, error | false, detail | false, reason, checkpoint | false, progress | false,
 *   { log entry, … }, kind of the result, result, { name, key, ms } (what is shut) | false }.
 * A verdict is one letter: a applied, c cancelled, s stale.
 */
export const SETTLING: string = String.raw`
local LOGS_MAX = 100
local function takeNotes(T, arg)
  if arg[8] then put(T, 'pr', arg[8]) end
  if #arg[9] == 0 then return end
  local kept = T.x.lg and cmsgpack.unpack(T.x.lg) or {}
  for _, line in ipairs(arg[9]) do kept[#kept + 1] = line end
  local from = math.max(#kept - LOGS_MAX, 0)
  if from > 0 then
    local newest = {}
    for i = from + 1, #kept do newest[#newest + 1] = kept[i] end
    kept = newest
  end
  put(T, 'lg', cmsgpack.pack(kept))
end
local COUNTED = { failure = { FAILURES }, crash = { CRASHES }, isolated = { CRASHES, ISOLATED }, ['return'] = { RETURNS }, snooze = { SNOOZES } }
local LETTER = { failure = 'r', crash = 'z', isolated = 'z', ['return'] = 'b', snooze = 'n' }
local function dropApart(T)
  if has(T, APART) then call('DEL', P .. 'p' .. T.id); mark(T, APART, false) end
end
local APPLY = {}
function APPLY.s(T, arg, session)
  T.size = bodySize(T)
  dropApart(T)
  T.body = arg[10] > 0 and arg[11] or ''
  mark(T, BINARY, arg[10] == 2)
  mark(T, EMPTY, arg[10] == 0)
  mark(T, OPEN, true)
  if T.x.e then put(T, 'e', false) end
  move(T, 's', { letter = 's', session = session })
  return 'a'
end
-- a rejection while a cancel request stands
local function giveWay(T, arg, session)
  if arg[4] then put(T, 'e', arg[4]) end
  mark(T, OPEN, true)
  T.verdict = 'c'
  move(T, 'c', { letter = 'x', detail = sub(T.x.c, 8), session = session })
  return 'c'
end
local function shutBy(arg)
  if arg[12] then flow().shut(unpack(arg[12])) end
end
function APPLY.p(T, arg, session)
  if T.x.c then return giveWay(T, arg, session) end
  if arg[4] then put(T, 'e', arg[4]) end
  countEnd(T, unpack(COUNTED[arg[2]]))
  shutBy(arg)
  mark(T, OPEN, false)
  if arg[3] >= 0 then T.runAt = NOW + arg[3] end
  move(T, 'p', { letter = LETTER[arg[2]], detail = arg[5], session = session, back = T.runAt < NOW })
  return 'a'
end
function APPLY.f(T, arg, session)
  local counters = COUNTED[arg[2]]
  -- a last crash is no rejection
  if T.x.c and arg[2] ~= 'crash' and arg[2] ~= 'isolated' then return giveWay(T, arg, session) end
  if counters then countEnd(T, unpack(counters)) end
  shutBy(arg)
  mark(T, OPEN, counters == nil)
  put(T, 'e', arg[4])
  T.reason = REASON[arg[6]]
  move(T, 'f', { letter = 'f', detail = arg[6], session = session })
  return 'a'
end
function APPLY.c(T, arg, session)
  if arg[4] then put(T, 'e', arg[4]) end
  mark(T, OPEN, true)
  move(T, 'c', { letter = 'x', detail = T.x.c and sub(T.x.c, 8), session = session })
  return 'a'
end
function APPLY.r(T, arg)
  if arg[7] then put(T, 'ck', arg[7]) end
  save(T)
  return 'a'
end
local function apply(T, arg, number)
  takeNotes(T, arg)
  T.run.settled, T.settled, T.verdict = number, number, 'a'
    return APPLY[arg[1]](T, arg, T.run.session)
end
-- @param claiming: the nonce of the exchange
local function settle(id, fence, number, kind, arg, claiming)
  local T = load(id)
  if not T then return 's' end
  number = decode('>I4', number)
  if not T.run then
    local fits = T.nonce ~= NONONCE and I4(T.epoch) .. T.nonce == fence
    return fits and T.settled == number and T.verdict or 's'
  end
  if I4(T.run.epoch) .. T.run.nonce ~= fence then
    -- this very exchange settled it and then claimed it anew, but was not answered
    return T.run.nonce == claiming and 'a' or 's'
  end
  if number <= T.run.settled then return 'a' end
  if kind < 3 then arg = { 's', '', -1, false, false, '', false, false, {}, kind, arg } end
  return apply(T, arg, number)
end
`

/** Success of ordinary tasks, all at once; PLAIN_END has their flags before, and by kind of result those after. */
export const SETTLE_ALL: string = String.raw`
-- (high byte: 1 OWNED, 2 EMPTY, 4 OPEN, 8 LABELS; low byte: 2 EXTRA, 8 BINARY, 32 USER)
local PLAIN_END = { ['\0\0'] = { [0] = '\7\0', '\5\0', '\5\8' }, ['\0\8'] = { [0] = '\7\0', '\5\0', '\5\8' },
  ['\0\32'] = { [0] = '\7\32', '\5\32', '\5\40' }, ['\0\40'] = { [0] = '\7\32', '\5\32', '\5\40' },
  ['\8\2'] = { [0] = '\15\2', '\13\2', '\13\10' }, ['\8\10'] = { [0] = '\15\2', '\13\2', '\13\10' } }
-- flags and size of the payload, as they stand in the claim, to flags after; most payloads are as long as another
local ends = {}
local function endOf(tail)
  local flags = PLAIN_END[sub(tail, 1, 2)]
  local plain = flags and { [0] = flags[0], flags[1], flags[2], size = decode('>I4', tail, 3) } or false
  ends[tail] = plain
  return plain
end
local function settleAll(list, claiming)
  local verdicts, n = {}, #list / 5
  if n == 0 then return verdicts end
  local ids, sets, ended, left, finals, R, done = {}, {}, {}, {}, {}, P .. 'r', 0
  for i = 1, n do
    ids[i] = list[5 * i - 4]
  end
  local recs = call('HMGET', R, unpack(ids))
  for i = 1, n do
    local at, rec = 5 * i, recs[i]
    local kind = list[at - 1]
    local lane, flags
    if kind < 3 and rec and #rec == PLAIN_RUN and list[at - 3] == sub(rec, 53, 64) then
      lane = sub(rec, 45, 52)
      if lane == NOLANE or byte(lane, 5) < FIFO then
        local tail = sub(rec, 87)
        flags = ends[tail]
        if flags == nil then flags = endOf(tail) end
      end
    end
    if flags then
      local id, body, q, session = ids[i], list[at], sub(rec, 20, 22), sub(rec, 65, 80)
      if limited then flow().giveBack(q, sub(rec, 23, 25), lane) end
      if lane ~= NOLANE then hold(lane, -1, -flags.size) end
      local weight, number = 300 + #body, pack('>I6', logged('E', id))
      if byte(rec, 87) == 8 then weight = weight + #(call('HGET', P .. 'x' .. id, 'l') or '') end
      sets[2 * done + 1] = TASK .. id
      sets[2 * done + 2] = 's' .. flags[kind] .. sub(rec, 1, 86) .. list[at - 2] .. 'a' .. NOW6 .. number .. '\0' .. I4(weight) .. body
      done = done + 1
      ended[done] = id
      local of = left[session]
      if not of then of = {}; left[session] = of end
      of[#of + 1] = id
      of = finals[q]
      if not of then of = { weight = 0, size = 0 }; finals[q] = of end
      of[#of + 1] = id .. number
      of.weight, of.size = of.weight + weight, of.size + flags.size
      verdicts[i] = 'a'
    else
      verdicts[i] = false
    end
  end
  if #ended > 0 then
    hint.settled = true
    call('MSET', unpack(sets))
    call('HDEL', R, unpack(ended))
    for session, of in pairs(left) do call('SREM', P .. 'u' .. session, unpack(of)) end
    for q, of in pairs(finals) do
      call('RPUSH', P .. 'f' .. q .. 's', unpack(of))
      count(q, 'r', -#of); count(q, 's', #of); count(q, 'N', #of); count(q, 'B', of.weight); count(q, 'L', -of.size)
    end
  end
  for i = 1, n do
    local at = 5 * i
    verdicts[i] = verdicts[i] or more().settle(ids[i], list[at - 3], list[at - 2], list[at - 1], list[at], claiming)
  end
  return verdicts
end
`
