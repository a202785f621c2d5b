-- Argo CD's health of a TrainingJob: obj is the live object.
local progressing = {
  Pending = true, Validating = true, Preprocessing = true, Preparing = true, Queued = true, Training = true,
  Uploading = true, Evaluating = true, Registering = true,
}
local degraded = { EvalFailed = true, Failed = true, Cancelled = true }

local status = obj.status
if status == nil or status.phase == nil then
  return { status = "Progressing", message = "Waiting for the operator" }
end

local phase = status.phase
local message = phase
if phase == "Training" and status.progressPercent ~= nil then
  message = message .. " (" .. status.progressPercent .. ")"
end
if status.message ~= nil and status.message ~= "" then
  message = message .. ": " .. status.message
elseif status.reason ~= nil and status.reason ~= "" then
  message = message .. ": " .. status.reason
end

-- Pruned is what the run's parent asked for.
if phase == "Completed" or phase == "Pruned" then
  return { status = "Healthy", message = message }
elseif degraded[phase] then
  return { status = "Degraded", message = message }
elseif phase == "Suspended" then
  local asked = obj.spec ~= nil and obj.spec.runPolicy ~= nil and obj.spec.runPolicy.suspend
  if not asked then
    return { status = "Progressing", message = "Resuming" }
  end
  return { status = "Suspended", message = message }
elseif progressing[phase] then
  return { status = "Progressing", message = message }
end
return { status = "Unknown", message = "Phase " .. phase .. " is not known; update argocd-cm to the operator's version" }
