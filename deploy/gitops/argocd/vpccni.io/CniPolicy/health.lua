-- Health of a CniPolicy for Argo CD: Progressing, Suspended, Degraded or Healthy, from the kstatus conditions.
local hs = {status = "Progressing", message = "the operator has not seen this policy yet"}
if obj.status == nil or obj.status.conditions == nil then
  return hs
end
if obj.status.observedGeneration ~= nil and obj.metadata.generation ~= nil
    and obj.status.observedGeneration < obj.metadata.generation then
  hs.message = "the operator has not seen the last change yet"
  return hs
end

local seen = {}
for _, condition in ipairs(obj.status.conditions) do
  seen[condition.type] = condition
end
local function is(name, status)
  return seen[name] ~= nil and seen[name].status == status
end
local function say(status, name)
  return {status = status, message = seen[name].message or seen[name].reason or ""}
end

-- A refusal first: nothing of the change was applied, and a person has to look.
if is("Stalled", "True") then
  return say("Degraded", "Stalled")
end
if obj.spec ~= nil and obj.spec.managementState == "Paused" then
  return {status = "Suspended", message = "paused: nothing is applied or corrected"}
end
if is("Ready", "True") then
  return say("Healthy", "Ready")
end
if is("Reconciling", "True") then
  return say("Progressing", "Reconciling")
end
if is("Ready", "False") then
  return say("Degraded", "Ready")
end
return hs
