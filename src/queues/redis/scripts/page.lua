-- Looks at members of a set by time behind one of them, which need not be there any more; changes
-- nothing.
--
-- KEYS  the set
-- ARGV  how many; then, unless they are the first, the score and the bytes behind which they begin
-- Gives each member with its score, in the order of the set.

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

local from = ARGV[2] and up_to(ARGV[2], ARGV[3]) or 0
return redis.call('ZRANGE', KEYS[1], from, from + ARGV[1] - 1, 'WITHSCORES')
