-- Looks at members of a set by time behind one of them, which need not be there any more; changes
-- nothing.
--
-- KEYS  the set
-- ARGV  how many, and how many bytes; then, unless they are the first, the score and the bytes behind
--       which they begin
-- Gives each member with its score, in the order of the set; fewer where these are large already.

-- Whether bytes stand before others, as the set has them: the server's own comparison of texts would
-- depend on its language.
local function is_before(some, others)
  for at = 1, math.min(#some, #others) do
    local one, other = some:byte(at), others:byte(at)
    if one ~= other then
      return one < other
    end
  end
  return #some < #others
end

-- How many members stand up to this one.
local function up_to(score, bytes)
  local low = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. score)
  local high = redis.call('ZCOUNT', KEYS[1], '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local member = redis.call('ZRANGE', KEYS[1], middle, middle)[1]
    if is_before(bytes, member) then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

local STEP = 20
local from = ARGV[3] and up_to(ARGV[3], ARGV[4]) or 0
local upto, bytes_left = from + ARGV[1] - 1, tonumber(ARGV[2])
local answer = {}
while from <= upto and bytes_left > 0 do
  local some = redis.call('ZRANGE', KEYS[1], from, math.min(from + STEP - 1, upto), 'WITHSCORES')
  if #some == 0 then
    break
  end
  for at = 1, #some, 2 do
    answer[#answer + 1], answer[#answer + 2] = some[at], some[at + 1]
    bytes_left = bytes_left - #some[at]
  end
  from = from + STEP
end
return answer
