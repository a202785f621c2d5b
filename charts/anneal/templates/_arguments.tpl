{{/* The command line of anneal-operator. */}}
{{- define "anneal.arguments" -}}
- --agent-image={{ include "anneal.image" (dict "image" .Values.agent.image "context" .) }}
- --heartbeat-seconds={{ .Values.agent.heartbeatSeconds }}
- --workers={{ .Values.workers }}
- --backoff-seconds={{ .Values.backoffSeconds }}
- --log-level={{ .Values.log.level }}
- --log-format={{ .Values.log.format }}
{{- with .Values.watchNamespace }}
- --namespace={{ . }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --lease-name={{ include "anneal.leaderLease" . }}
- --lease-duration-seconds={{ .Values.leaderElection.leaseDurationSeconds }}
- --renew-deadline-seconds={{ .Values.leaderElection.renewDeadlineSeconds }}
- --retry-period-seconds={{ .Values.leaderElection.retryPeriodSeconds }}
{{- else if gt (int .Values.replicaCount) 1 }}
{{- fail "replicaCount is above 1 and leaderElection.enabled is false: replicas would undo each other's work. Enable leaderElection, or set replicaCount to 1" }}
{{- else }}
- --no-leader-elect
{{- end }}
- --health-port={{ .Values.health.port }}
- --metrics-port={{ .Values.metrics.port }}
{{- if .Values.webhook.enabled }}
- --webhook-port={{ .Values.webhook.port }}
{{- if .Values.webhook.certManager.enabled }}
- --webhook-certificate-directory=/etc/anneal/webhook
{{- else }}
- --webhook-secret={{ include "anneal.webhookSecret" . }}
- --webhook-service={{ include "anneal.webhook" . }}
- --webhook-configuration={{ include "anneal.fullname" . }}
{{- end }}
{{- else }}
- --webhook-port=0
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}
