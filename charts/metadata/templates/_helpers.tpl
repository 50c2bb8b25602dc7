{{- /* The model of the settings, as far as the chart needs it; generated, see files/model.yaml. */ -}}
{{- define "metadata.model" -}}
{{- .Files.Get "files/model.yaml" -}}
{{- end -}}

{{- /* What a part is called, needs and listens on. (dict "root" $ "part" "grpc") */ -}}
{{- define "metadata.part" -}}
{{- index (include "metadata.model" .root | fromYaml).parts .part | default dict | toYaml -}}
{{- end -}}

{{- /* Empty where the objects are rendered for kustomize (make generate), which adds what is missing then. */ -}}
{{- define "metadata.byHelm" -}}
{{- if ne (.Values.creator | default "helm") "kustomize" }}true{{ end -}}
{{- end -}}

{{- /* Name, namespace and labels of an object. (dict "root" $ "name" "metadata-ui" "part" "ui") */ -}}
{{- define "metadata.named" -}}
name: {{ .name }}
{{- if include "metadata.byHelm" .root }}
namespace: {{ .root.Release.Namespace | quote }}
{{- end }}
labels:
  {{- include "metadata.recommended" . | nindent 2 }}
  {{- if include "metadata.byHelm" .root }}
  app.kubernetes.io/managed-by: {{ .root.Release.Service }}
  helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | quote }}
  {{- end }}
{{- end -}}

{{- /* Labels of objects and pods alike: neither the chart nor the manager, whose change would restart pods. */ -}}
{{- define "metadata.recommended" -}}
app.kubernetes.io/name: kubeflow-metadata
app.kubernetes.io/instance: metadata
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/component: {{ (include "metadata.part" . | fromYaml).component | default .part }}
app.kubernetes.io/part-of: kubeflow
metadata.kubeflow.org/part: {{ .part }}
{{- end -}}

{{- /* Labels of pods. (dict "root" $ "part" "ui" "mesh" true) */ -}}
{{- define "metadata.podLabels" -}}
{{ include "metadata.recommended" . }}
# NetworkPolicies would cut off a sidecar unless istio.enabled (kustomize: the component istio) lets it through.
sidecar.istio.io/inject: {{ and .mesh .root.Values.istio.enabled | ternary "true" "false" | quote }}
{{- end -}}

{{- /* Annotations of what holds data: Helm, Argo CD and Flux keep it when it is no longer wanted, or all is uninstalled. */ -}}
{{- define "metadata.kept" -}}
argocd.argoproj.io/sync-options: Prune=false,Delete=false
kustomize.toolkit.fluxcd.io/prune: disabled
kustomize.toolkit.fluxcd.io/ssa: Merge
{{- if include "metadata.byHelm" . }}
helm.sh/resource-policy: keep
{{- end }}
{{- end -}}

{{- /* The Secret of the bundled MySQL. */ -}}
{{- define "metadata.databaseSecret" -}}
{{- .Values.mysql.existingSecret | default "metadata-db-secrets" -}}
{{- end -}}

{{- /* Annotations of what only `helm test` makes. (dict "root" $ "weight" 0) */ -}}
{{- define "metadata.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ .weight | quote }}
helm.sh/hook-delete-policy: before-hook-creation
{{- end -}}

{{- /* Scanner checks that are skipped, and why. */ -}}
{{- define "metadata.skips" -}}
# Scanner checks that are skipped, and why.
checkov.io/skip1: CKV_K8S_15=clusters whose images are loaded and not pulled need IfNotPresent; images.pullPolicy sets Always
checkov.io/skip2: CKV_K8S_43=no registry is assumed, so no digest is known; images.*.digest pins one
kube-score/ignore: container-image-pull-policy
{{- end -}}

{{- define "metadata.image" -}}
{{- if .digest }}{{ printf "%s@%s" .repository .digest }}{{ else }}{{ printf "%s:%s" .repository .tag }}{{ end -}}
{{- end -}}

{{- /* The name of the installation's size. */ -}}
{{- define "metadata.sizeName" -}}
{{- .Values.small.enabled | ternary "small" "standard" -}}
{{- end -}}

{{- /* What the size means beside each part's CPU and memory. */ -}}
{{- define "metadata.size" -}}
{{- index (include "metadata.model" . | fromYaml).sizes (include "metadata.sizeName" .) | toYaml -}}
{{- end -}}

{{- /* Requests and limits. (dict "root" $ "part" "grpc" "storage" (list "64Mi" "256Mi")) */ -}}
{{- define "metadata.resources" -}}
{{- $part := include "metadata.part" . | fromYaml -}}
{{- $usual := index $part.resources (include "metadata.sizeName" .root) -}}
{{- $asked := index .root.Values $part.settings "resources" | default dict -}}
{{- $separator := "" -}}
{{- range $i, $kind := list "requests" "limits" }}
{{- $given := index $asked $kind | default dict }}
{{- $separator }}{{ $separator = "\n" }}
{{- $kind }}:
  cpu: {{ $given.cpu | default (index $usual $kind "cpu") | quote }}
  memory: {{ $given.memory | default (index $usual $kind "memory") | quote }}
  ephemeral-storage: {{ index $.storage $i }}
{{- end }}
{{- end -}}

{{- /* Environment variables by name, what is asked for over what is usual. (dict "usual" dict "extra" dict) */ -}}
{{- define "metadata.env" -}}
{{- $separator := "" -}}
{{- range $name, $value := mergeOverwrite (deepCopy .usual) (.extra | default dict) }}
{{- $separator }}{{ $separator = "\n" -}}
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

{{- /* Does a server have more than one replica? (dict "root" $ "part" "ui") */ -}}
{{- define "metadata.several" -}}
{{- if or .root.Values.highAvailability.enabled (gt (index .root.Values .part "replicas" | int) 1) }}true{{ end -}}
{{- end -}}

{{- /* Pods of a server on different nodes and zones where there are some. (dict "part" "ui") */ -}}
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
livenessProbe: # the process
  httpGet:
    path: /healthz
    port: http
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe: # and what it needs
  httpGet:
    path: /readyz
    port: http
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}

{{- define "metadata.preStop" -}}
preStop: # requests keep coming until every node knows that this pod is terminating
  exec:
    command: [sleep, "3"]
{{- end -}}

{{- /* Is the bundled MySQL installed? */ -}}
{{- define "metadata.hasDatabase" -}}
{{- if not (or .Values.externalMysql.enabled .Values.besideKfp.enabled) }}true{{ end -}}
{{- end -}}

{{- /* Is our gRPC server installed? */ -}}
{{- define "metadata.hasGrpc" -}}
{{- if not .Values.besideKfp.enabled }}true{{ end -}}
{{- end -}}

{{- /* The installed parts that are servers of ours: a list of names. */ -}}
{{- define "metadata.servers" -}}
{{- range $name, $part := (include "metadata.model" . | fromYaml).parts }}
{{- if and $part.server (or (ne $name "grpc") (include "metadata.hasGrpc" $)) }}
- {{ $name }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The Services of a part; without our gRPC server there is no gRPC-web. (dict "root" $ "part" "rest") */ -}}
{{- define "metadata.services" -}}
{{- range (include "metadata.part" . | fromYaml).services }}
{{- if or (ne .part "grpc-web") (include "metadata.hasGrpc" $.root) }}
- {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}
