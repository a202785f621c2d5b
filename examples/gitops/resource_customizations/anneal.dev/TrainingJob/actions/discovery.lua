-- Which actions Argo CD offers on a TrainingJob now. One that another run controls is left to it.
for _, owner in ipairs(obj.metadata.ownerReferences or {}) do
  if owner.controller then
    return {}
  end
end

local terminal = { Completed = true, EvalFailed = true, Failed = true, Cancelled = true, Pruned = true }
local failed = { EvalFailed = true, Failed = true, Cancelled = true }

local phase = obj.status ~= nil and obj.status.phase or "Pending"
local suspended = obj.spec.runPolicy ~= nil and obj.spec.runPolicy.suspend == true
local deleted = obj.metadata.deletionTimestamp ~= nil
local ended = deleted or terminal[phase] == true

return {
  suspend = { disabled = ended or suspended },
  resume = { disabled = ended or not suspended },
  retry = { disabled = deleted or failed[phase] ~= true },
}
