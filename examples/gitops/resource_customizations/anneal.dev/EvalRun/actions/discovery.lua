-- Which actions Argo CD offers on an EvalRun now. One that belongs to a TrainingJob is left to it.
for _, owner in ipairs(obj.metadata.ownerReferences or {}) do
  if owner.controller then
    return {}
  end
end

local terminal = { Passed = true, Failed = true, Error = true }
local failed = { Failed = true, Error = true }

local phase = obj.status ~= nil and obj.status.phase or "Pending"
local suspended = obj.spec.runPolicy ~= nil and obj.spec.runPolicy.suspend == true
local deleted = obj.metadata.deletionTimestamp ~= nil
local ended = deleted or terminal[phase] == true

return {
  suspend = { disabled = ended or suspended },
  resume = { disabled = ended or not suspended },
  retry = { disabled = deleted or failed[phase] ~= true },
}
