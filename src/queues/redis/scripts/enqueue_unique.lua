-- Enqueues jobs of one name, each unless a key keeps it out: that of a job like it which still waits.
--
-- A key is set after its job stands in a queue, never before, so that whatever fails between the two
-- leaves no key that keeps others out for a job which is nowhere. A key that is there already lives on
-- for its whole time, and holds what came last.
--
-- KEYS: the ready list, the scheduled set, then the unique key of each job
-- ARGV: the seconds that a key lives, then three for each job: its bytes; what its key holds, or
--       nothing where that is the job itself; the unix second at which it is due, or nothing
-- Gives 1 for each job that was enqueued, and 0 for each that was kept out.

local answers = {}
for number = 1, #KEYS - 2 do
  local key, at = KEYS[number + 2], 3 * number - 1
  local job, held, due = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local is_new = redis.call('EXISTS', key) == 0
  if is_new and due == '' then
    redis.call('LPUSH', KEYS[1], job)
  elseif is_new then
    redis.call('ZADD', KEYS[2], due, job)
  end
  redis.call('SET', key, held == '' and job or held, 'EX', ARGV[1])
  answers[number] = is_new and 1 or 0
end
return answers
