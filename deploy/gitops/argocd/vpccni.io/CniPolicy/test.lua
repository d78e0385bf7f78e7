-- Runs the cases without Argo CD, for machines that have a Lua 5.1: lua test.lua
-- Each case is the object as a table, because plain Lua reads no YAML; health_test.yaml has the same ones.
local chunk = assert(loadfile("health.lua"))
local function object(state, generation, observed, conditions)
  local o = {metadata = {generation = generation}, spec = {managementState = state}}
  if observed then o.status = {observedGeneration = observed, conditions = conditions} end
  return o
end
local function condition(kind, status, message) return {type = kind, status = status, message = message} end
local ready = {condition("Ready", "True", "applied"), condition("Stalled", "False", "")}
local cases = {
  {"Progressing", object("Manage", 1)},
  {"Progressing", object("Manage", 3, 2, ready)},
  {"Healthy", object("Manage", 2, 2, ready)},
  {"Degraded", object("Manage", 2, 2, {condition("Ready", "False", ""), condition("Stalled", "True", "refused")})},
  {"Progressing", object("Manage", 2, 2, {condition("Ready", "False", ""), condition("Reconciling", "True", "rolling")})},
  {"Degraded", object("Manage", 2, 2, {condition("Ready", "False", "target not found")})},
  {"Suspended", object("Paused", 2, 2, ready)},
}
for number, case in ipairs(cases) do
  obj = case[2]
  local got = chunk().status
  assert(got == case[1], "case " .. number .. ": want " .. case[1] .. ", got " .. got)
end
print(#cases .. " passed")
