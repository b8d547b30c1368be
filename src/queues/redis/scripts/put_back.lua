-- Moves members of a set to the left ends of lists.
--
-- A member leaves its set only if it is still there, and only where its list takes it: in the same
-- moment it is in that list.
--
-- KEYS  the set; then for each member its list
-- ARGV  for each member: its bytes, the new bytes
-- Gives for each member 1, 0 where it was not there, or 2 where its list is something else.

local answer = {}
for at = 1, #KEYS - 1 do
  local list, moved = KEYS[1 + at], 2
  if type(redis.pcall('LLEN', list)) == 'number' then
    moved = redis.call('ZREM', KEYS[1], ARGV[at * 2 - 1])
    if moved == 1 then
      redis.call('LPUSH', list, ARGV[at * 2])
    end
  end
  answer[at] = moved
end
return answer
