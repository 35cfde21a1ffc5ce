-- Grants a slice of a limit's current window: as much as is wanted, never more than is left.
-- KEYS[1] the limit's hash   ARGV[1] limit   ARGV[2] window in seconds   ARGV[3] wanted, 0 = only look
-- ARGV[4] a window's number   ARGV[5] what the caller spent of that window, so that a flush does not forget it
-- ARGV[6] what was used beyond what was granted, below 0 = what comes back of that window
-- Answers {granted, spent in this window by all, milliseconds until the window ends, the window's number}.
local now = redis.call('TIME')
local seconds = tonumber(now[1])
local limit, length, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local theirs, known, owed = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local window = math.floor(seconds / length)
local held = redis.call('HMGET', KEYS[1], 'window', 'spent')
local before = 0
if tonumber(held[1] or '-1') == window then
    before = tonumber(held[2])
end
local spent = before
if theirs == window then
    spent = math.max(spent, known)
end
if owed > 0 or theirs == window then
    spent = math.max(0, spent + owed)
end
local granted = math.max(0, math.min(wanted, limit - spent))
spent = spent + granted
if spent ~= before then
    redis.call('HSET', KEYS[1], 'window', window, 'spent', spent)
    redis.call('EXPIRE', KEYS[1], length + 1)
end
return {granted, spent, ((window + 1) * length - seconds) * 1000 - math.floor(tonumber(now[2]) / 1000), window}
