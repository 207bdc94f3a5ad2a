-- Sends requests that were written down before, round and round, and prints what wrk measured on one line.
--
--   wrk … -s tests/bench/requests.lua URL -- FILE RUN
--
-- FILE holds requests as they go over the wire, each behind a line with its length. Thirteen `~` in one stand for a text that
-- is new each time, made of RUN (five digits), the number of the thread and a count. Nothing else is done per request, so that
-- what is measured is the server.

local hole = string.rep("~", 13)
local threads = {}

function setup(thread)
  thread:set("place", #threads)
  table.insert(threads, thread)
end

local texts, pieces, count, at, made, stamp = {}, {}, 0, 0, 0, ""

-- The text between the holes, or nothing when there are none.
local function cut(text)
  local parts, from = {}, 1
  while true do
    local first, last = text:find(hole, from, true)
    if not first then break end
    table.insert(parts, text:sub(from, first - 1))
    from = last + 1
  end
  if from == 1 then return false end
  table.insert(parts, text:sub(from))
  return parts
end

function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  for line in file:lines() do
    count = count + 1
    texts[count] = file:read(tonumber(line))
    pieces[count] = cut(texts[count])
  end
  file:close()
  stamp = arguments[2] .. place
  -- Threads begin at different places, or all of them would ask for the same at the same time.
  at = math.floor(count / 4) * place
end

function request()
  at = at % count + 1
  local parts = pieces[at]
  if not parts then return texts[at] end
  made = made + 1
  return table.concat(parts, string.format("%s%07d", stamp, made))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    "bench requests=%d microseconds=%d p50=%d p99=%d max=%d refused=%d broken=%d late=%d\n",
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout))
end
