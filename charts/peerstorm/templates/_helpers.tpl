{{- define "peerstorm.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Of everything. Takes { root, component }; no component: what belongs to all of it. */}}
{{- define "peerstorm.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name (.root.Chart.Version | replace "+" "_"))
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/part-of" "peerstorm"
  "app.kubernetes.io/managed-by" .root.Release.Service
-}}
{{- $selector := include "peerstorm.selectorLabels" . | fromYaml -}}
{{- merge $selector $labels .root.Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "peerstorm.selectorLabels" -}}
app.kubernetes.io/name: {{ default .root.Chart.Name .root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{/* The metadata of an object. Takes { root, component, suffix, namespace, annotations, labels }. */}}
{{- define "peerstorm.metadata" -}}
name: {{ include "peerstorm.fullname" .root }}{{ with .suffix }}-{{ . }}{{ end }}
{{- if not .cluster }}
namespace: {{ default .root.Release.Namespace .namespace }}
{{- end }}
labels:
  {{- $labels := include "peerstorm.labels" . | fromYaml }}
  {{- merge (default dict .labels) $labels | toYaml | nindent 2 }}
{{- with merge (default dict .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes { root, image }. */}}
{{- define "peerstorm.image" -}}
{{- with .image.registry }}{{ . }}/{{ end }}{{ .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ default .root.Chart.AppVersion .image.tag }}{{ end -}}
{{- end -}}

{{- define "peerstorm.controllerAccount" -}}
{{- default (printf "%s-controller" (include "peerstorm.fullname" .)) .Values.controller.serviceAccount.name -}}
{{- end -}}

{{- define "peerstorm.agentAccount" -}}
{{- default (printf "%s-agent" (include "peerstorm.fullname" .)) .Values.agent.serviceAccount.name -}}
{{- end -}}

{{/* Both programs serve metrics and health on their port `http`. */}}
{{- define "peerstorm.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 1
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: http }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: http }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "peerstorm.fieldEnv" -}}
- name: POD_NAMESPACE
  valueFrom: { fieldRef: { fieldPath: metadata.namespace } }
- name: POD_NAME
  valueFrom: { fieldRef: { fieldPath: metadata.name } }
{{- end -}}
