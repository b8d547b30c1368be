-- Moves jobs that are due into their ready lists, in the order in which they are given.
--
-- A member leaves its set only if it is still there, and only where its list takes it: in the same
-- moment it is in that list, or with what cannot be read.
--
-- KEYS  the set, poison; then the ready lists
-- ARGV  for each member: the number of its ready list, or 0 for poison; its bytes; the new bytes
-- Gives for each member 1 where it is not in the set any more.

local answer = {}
for at = 1, #ARGV, 3 do
  local list = KEYS[2 + tonumber(ARGV[at])]
  local can = type(redis.pcall('LLEN', list)) == 'number'
  if can and redis.call('ZREM', KEYS[1], ARGV[at + 1]) == 1 then
    redis.call('LPUSH', list, ARGV[at + 2])
  end
  answer[#answer + 1] = can and 1 or 0
end
return answer
