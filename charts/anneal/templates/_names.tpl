{{- define "anneal.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for the longest suffix, "-validating-webhook". */}}
{{- define "anneal.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- $name := include "anneal.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "anneal.operator" -}}
{{ include "anneal.fullname" . }}-operator
{{- end }}

{{- define "anneal.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "anneal.operator" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name must name an existing service account, as serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "anneal.webhook" -}}
{{ include "anneal.fullname" . }}-webhook
{{- end }}

{{/* The Secret that the operator keeps, or the one that cert-manager does. */}}
{{- define "anneal.webhookSecret" -}}
{{ include "anneal.webhook" . }}-{{ .Values.webhook.certManager.enabled | ternary "cert" "tls" }}
{{- end }}

{{- define "anneal.leaderLease" -}}
{{ include "anneal.operator" . }}
{{- end }}

{{- define "anneal.priorityClass" -}}
{{- if .Values.priorityClassName }}
{{- .Values.priorityClassName }}
{{- else if .Values.priorityClasses.create }}
{{- include "anneal.operator" . }}
{{- end }}
{{- end }}

{{- define "anneal.image" -}}
{{- $image := .image }}
{{- if $image.digest }}
{{- printf "%s@%s" $image.repository $image.digest }}
{{- else }}
{{- printf "%s:%s" $image.repository (default .context.Chart.AppVersion $image.tag) }}
{{- end }}
{{- end }}
