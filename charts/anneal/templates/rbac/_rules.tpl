{{/* What the operator does where its runs are. */}}
{{- define "anneal.runRules" -}}
# Patched are their finalizers: a run that is deleted is held until its GPU time is counted.
- apiGroups: [anneal.dev]
  resources: [trainingjobs]
  verbs: [list, watch, patch, delete]
- apiGroups: [anneal.dev]
  resources: [evalruns]
  verbs: [create, list, watch, patch, delete]
- apiGroups: [anneal.dev]
  resources: [trainingjobs/status, evalruns/status]
  verbs: [patch]
# Asked for by the admission plugin OwnerReferencesPermissionEnforcement: children block their owner's
# deletion in the foreground.
- apiGroups: [anneal.dev]
  resources: [trainingjobs/finalizers, evalruns/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  verbs: [create, list, watch, patch, delete]
# Patched is the owner: a volume passes on to a run that continues its own.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [create, list, watch, patch, delete]
- apiGroups: [""]
  resources: [services]
  verbs: [create, list, watch, delete]
# Room that a namespace is given: runs that it would refuse wait.
- apiGroups: [""]
  resources: [resourcequotas]
  verbs: [list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, list, watch, delete]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create, list, watch, delete]
# Listed are those of one pod that a node took and that does not start: only events say why a volume or a sandbox
# is missing.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list, patch]
{{- end }}

{{/* What it does in the whole cluster, whichever namespace it serves. */}}
{{- define "anneal.clusterRules" -}}
# Which nodes have room: what any pod holds counts.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- if .Values.watchNamespace }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{- end }}
{{- if and .Values.webhook.enabled (not .Values.webhook.certManager.enabled) }}
# The leader keeps the certificate authority in them.
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [{{ include "anneal.fullname" . }}]
  verbs: [list, watch, patch]
{{- end }}
{{- end }}

{{/* What it does in its own namespace. */}}
{{- define "anneal.ownRules" -}}
{{- if .Values.leaderElection.enabled }}
# A name can't restrict create.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "anneal.leaderLease" . }}]
  verbs: [get, update, watch]
{{- end }}
{{- if and .Values.webhook.enabled (not .Values.webhook.certManager.enabled) }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "anneal.webhookSecret" . }}]
  verbs: [list, watch, patch]
{{- end }}
{{- end }}
