-- A finished run stays as it is: retrying it makes a new one with the same specification, named after it and
-- the minute. It goes on from what the failed one has: processed data, checkpoints, a model, a volume.
local os = require("os")

local copy = {
  apiVersion = obj.apiVersion,
  kind = obj.kind,
  metadata = {
    name = obj.metadata.name .. "-" .. os.date("!%Y%m%d%H%M"),
    namespace = obj.metadata.namespace,
    annotations = { ["anneal.dev/retry-of"] = obj.metadata.name },
  },
  spec = obj.spec,
}

-- An empty table would be written as [], whether it was a list or an object.
local function prune(value)
  for key, member in pairs(value) do
    if type(member) == "table" then
      prune(member)
      if next(member) == nil then
        value[key] = nil
      end
    end
  end
end

-- What Argo CD tracks by stays with the original.
for key, value in pairs(obj.metadata.labels or {}) do
  if key ~= "app.kubernetes.io/instance" and key ~= "argocd.argoproj.io/instance" then
    copy.metadata.labels = copy.metadata.labels or {}
    copy.metadata.labels[key] = value
  end
end

copy.spec.continueFrom = { trainingJob = obj.metadata.name }
if copy.spec.runPolicy ~= nil then
  copy.spec.runPolicy.suspend = false
end
-- Of two live runs with one key the later is refused: two clicks start one run.
if copy.spec.idempotencyKey == nil then
  copy.spec.idempotencyKey = "retry-of-" .. obj.metadata.uid
end

-- Shown below the original and deleted with it, but not when that is only cleaned up.
if obj.spec.runPolicy == nil or obj.spec.runPolicy.ttlSecondsAfterFinished == nil then
  copy.metadata.ownerReferences = {
    { apiVersion = obj.apiVersion, kind = obj.kind, name = obj.metadata.name, uid = obj.metadata.uid },
  }
end

prune(copy.spec)
return { { operation = "create", resource = copy } }
