-- Forgets members of a set by time, and frees the keys that kept others like them out.
--
-- A key is freed only in the moment in which its job leaves the set: while the job waits, the key stands.
--
-- KEYS  the set; then for each member the key to free, or the set once more where there is none
-- ARGV  the members
-- Gives for each member 1, or 0 where it was not there.

local answer = {}
for at, bytes in ipairs(ARGV) do
  answer[at] = redis.call('ZREM', KEYS[1], bytes)
  if answer[at] == 1 and KEYS[1 + at] ~= KEYS[1] then
    redis.call('DEL', KEYS[1 + at])
  end
end
return answer
