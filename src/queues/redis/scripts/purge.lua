-- Removes the oldest jobs of a list, and frees the keys that kept others like them out.
--
-- Only what stands at the right end now is removed, one after the other: whatever a pool has taken
-- meanwhile is passed over, and whatever was given back meanwhile ends it. A key is freed only in the
-- moment in which its job leaves the list.
--
-- KEYS  the list; then for each job the key to free, or the list once more where there is none
-- ARGV  the jobs as they stood in the list, from the right
-- Gives how many were removed, and how many of the jobs do not stand there any more.

local removed, next = 0, 1

-- Where the list's last job stands among those that are left.
local function last()
  local bytes = redis.call('LINDEX', KEYS[1], -1)
  for at = next, #ARGV do
    if ARGV[at] == bytes then
      return at
    end
  end
end

local at = last()
while at do
  redis.call('RPOP', KEYS[1])
  if KEYS[1 + at] ~= KEYS[1] then
    redis.call('DEL', KEYS[1 + at])
  end
  removed, next = removed + 1, at + 1
  at = last()
end
return { removed, next - 1 }
