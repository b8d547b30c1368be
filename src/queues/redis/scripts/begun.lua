-- Notes what a pool works on, and frees the keys that kept others like it out.
--
-- A unique key is freed only while its job is in progress here. Where the key holds a newer job, that
-- one takes the older one's place in the in-progress list in the same moment, and a note says so: who
-- asks again gets the same answer.
--
-- KEYS  begun; then for each unique job: in progress, its key
-- ARGV  the field of the batch, its jobs' digests; then for each unique job: its bytes, their digest
-- Gives for each unique job the bytes that took its place, or nothing.

redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])

-- The newer job that a key holds, where it holds one.
local function newer(value)
  local read, job = pcall(cjson.decode, value)
  local is_job = read and type(job) == 'table' and type(job.name) == 'string'
  return is_job and value or nil
end

local answer = {}
for number = 1, (#KEYS - 1) / 2 do
  local in_progress, key = KEYS[number * 2], KEYS[number * 2 + 1]
  local bytes, note = ARGV[number * 2 + 1], 'replaced:' .. ARGV[number * 2 + 2]
  local replaced = redis.call('HGET', KEYS[1], note) or ''
  local value = redis.pcall('GET', key)
  if replaced == '' and type(value) == 'string'
      and redis.call('LREM', in_progress, -1, bytes) == 1 then
    replaced = newer(value) or ''
    redis.call('RPUSH', in_progress, replaced ~= '' and replaced or bytes)
    redis.call('DEL', key)
    if replaced ~= '' then
      redis.call('HSET', KEYS[1], note, replaced)
    end
  end
  answer[number] = replaced
end
return answer
