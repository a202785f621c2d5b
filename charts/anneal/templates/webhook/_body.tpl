{{/*
What both webhooks have. No caBundle: the operator's leader or cert-manager writes it, and an upgrade must not
take it away.
*/}}
{{- define "anneal.webhookBody" -}}
admissionReviewVersions: [v1]
clientConfig:
  service:
    name: {{ include "anneal.webhook" .context }}
    namespace: {{ .context.Release.Namespace }}
    path: {{ .path }}
    port: 443
failurePolicy: Fail
matchPolicy: Equivalent
sideEffects: None
timeoutSeconds: {{ .context.Values.webhook.timeoutSeconds }}
{{- with .context.Values.watchNamespace }}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ . }}
{{- end }}
# Taking a finalizer off is an update: what is being deleted goes even while no operator runs.
matchConditions:
  - name: is-not-being-deleted
    expression: "!has(object.metadata.deletionTimestamp)"
rules:
  - apiGroups: [anneal.dev]
    apiVersions: [v1alpha1]
    resources: [trainingjobs, evalruns]
    operations: [CREATE, UPDATE]
    scope: Namespaced
{{- end }}
