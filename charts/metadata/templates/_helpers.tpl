{{- /* The model of the settings, as far as the chart needs it; generated, see files/model.yaml. */ -}}
{{- define "metadata.model" -}}
{{- .Files.Get "files/model.yaml" -}}
{{- end -}}

{{- /* Labels. (dict "root" $ "component" "ui" "part" "ui") */ -}}
{{- define "metadata.labels" -}}
app.kubernetes.io/name: kubeflow-metadata
app.kubernetes.io/instance: metadata
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: kubeflow
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | quote }}
metadata.kubeflow.org/part: {{ .part }}
{{- end -}}

{{- /* Labels of pods: without what only tells of the chart and who applied it, so that neither restarts them. */ -}}
{{- define "metadata.podLabels" -}}
app.kubernetes.io/name: kubeflow-metadata
app.kubernetes.io/instance: metadata
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: kubeflow
metadata.kubeflow.org/part: {{ .part }}
sidecar.istio.io/inject: {{ and .mesh .root.Values.istio.enabled | ternary "true" "false" | quote }}
{{- end -}}

{{- /* Scanners: what they are told not to ask for, and why. */ -}}
{{- define "metadata.skips" -}}
checkov.io/skip1: CKV_K8S_15=clusters whose images are loaded and not pulled need IfNotPresent; images.pullPolicy sets Always
checkov.io/skip2: CKV_K8S_43=no registry is assumed, so no digest is known; images.*.digest pins one
kube-score/ignore: container-image-pull-policy
{{- end -}}

{{- define "metadata.image" -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}{{ else }}{{ printf "%s:%s" .repository .tag }}{{ end -}}
{{- end -}}

{{- /* The size of the installation. */ -}}
{{- define "metadata.size" -}}
{{- $sizes := (include "metadata.model" . | fromYaml).sizes -}}
{{- (.Values.small.enabled | ternary $sizes.small $sizes.standard) | toYaml -}}
{{- end -}}

{{- /* Requests and limits. (dict "root" $ "part" "grpc" "storage" (list "64Mi" "256Mi")) */ -}}
{{- define "metadata.resources" -}}
{{- $usual := index (include "metadata.size" .root | fromYaml).resources .part -}}
{{- $asked := index .root.Values .part "resources" | default dict -}}
{{- range $i, $kind := list "requests" "limits" }}
{{ $kind }}:
  {{- $given := index $asked $kind | default dict }}
  cpu: {{ $given.cpu | default (index $usual $kind "cpu") | quote }}
  memory: {{ $given.memory | default (index $usual $kind "memory") | quote }}
  ephemeral-storage: {{ index $.storage $i }}
{{- end }}
{{- end -}}

{{- /* Environment variables by name, what is asked for over what is usual. (dict "usual" dict "extra" dict) */ -}}
{{- define "metadata.env" -}}
{{- range $name, $value := mergeOverwrite (deepCopy .usual) (.extra | default dict) }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- end -}}

{{- /* What all pods have. (dict "root" $ "account" "metadata-ui") */ -}}
{{- define "metadata.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.tolerations }}
tolerations:
  {{- range . }}
  - operator: {{ .operator | default "Equal" }}
    {{- with .key }}
    key: {{ . | quote }}
    {{- end }}
    {{- if not (kindIs "invalid" .value) }}
    value: {{ .value | quote }}
    {{- end }}
    {{- with .effect }}
    effect: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}
{{- with .root.Values.scheduling.priorityClass }}
priorityClassName: {{ . | quote }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "metadata.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- /* Pods of a server on different nodes and zones, where there are several. (dict "root" $ "part" "ui") */ -}}
{{- define "metadata.several" -}}
{{- if or .root.Values.highAvailability.enabled (gt (index .root.Values .part "replicas" | int) 1) }}true{{ end -}}
{{- end -}}

{{- define "metadata.spread" -}}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              metadata.kubeflow.org/part: {{ .part }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        metadata.kubeflow.org/part: {{ .part }}
{{- end -}}

{{- /* Probes of a server that speaks HTTP. */ -}}
{{- define "metadata.httpProbes" -}}
startupProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- define "metadata.preStop" -}}
preStop: # requests go on coming until every node knows that this pod leaves
  exec:
    command: [sleep, "3"]
{{- end -}}

{{- /* Is a part of ours installed? */ -}}
{{- define "metadata.hasDatabase" -}}
{{- if not (or .Values.externalMysql.enabled .Values.besideKfp.enabled) }}true{{ end -}}
{{- end -}}

{{- define "metadata.hasGrpc" -}}
{{- if not .Values.besideKfp.enabled }}true{{ end -}}
{{- end -}}
