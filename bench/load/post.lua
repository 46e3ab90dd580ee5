-- wrk -s post.lua URL -- BODYFILE ["Header: value" ...]
-- Sends one constant request over and over (built once: no Lua runs per request) and prints one line
-- of JSON at the end, with the CPU ticks that this generator used.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.body = file:read("*a")
  file:close()
  wrk.method = "POST"
  for index = 2, #args do
    local name, value = args[index]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

local function ticks()
  local file = assert(io.open("/proc/self/stat", "r"))
  local fields = {}
  for word in file:read("*a"):match("%) (.*)$"):gmatch("%S+") do fields[#fields + 1] = word end
  file:close()
  return tonumber(fields[12]) + tonumber(fields[13])
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'JSON{"requests":%d,"seconds":%.6f,"p50Us":%.0f,"p99Us":%.0f,"maxUs":%.0f,"refused":%d,"broken":%d,"ticks":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    latency.max, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    ticks()))
end
