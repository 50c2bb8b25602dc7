{{- /* The model of the settings, as far as the chart needs it; generated, see files/model.yaml. */ -}}
{{- define "metadata.model" -}}
{{- .Files.Get "files/model.yaml" -}}
{{- end -}}

{{- /* A value as text. Helm reads the numbers of a file as float64, whose text may have an exponent. */ -}}
{{- define "metadata.text" -}}
{{- if and (kindIs "float64" .) (eq (floor .) .) }}{{ printf "%.0f" . }}{{ else }}{{ toString . }}{{ end -}}
{{- end -}}

{{- /* A list of texts, one a line. */ -}}
{{- define "metadata.texts" -}}
{{- $separator := "" -}}
{{- range . }}
{{- $separator }}{{ $separator = "\n" -}}
- {{ include "metadata.text" . | quote }}
{{- end }}
{{- end -}}

{{- /* A map of texts. */ -}}
{{- define "metadata.textMap" -}}
{{- $separator := "" -}}
{{- range $name, $value := . }}
{{- $separator }}{{ $separator = "\n" -}}
{{ $name }}: {{ include "metadata.text" $value | quote }}
{{- end }}
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
{{- $istio := .root.Values.istio }}
# NetworkPolicies would cut off a sidecar unless istio.enabled (kustomize: the component istio) lets it through.
sidecar.istio.io/inject: {{ and .mesh $istio.enabled (eq $istio.mode "sidecar") | ternary "true" "false" | quote }}
{{- if and .mesh $istio.enabled (eq $istio.mode "ambient") }}
istio.io/dataplane-mode: ambient
{{- end }}
{{- if and .mesh $istio.enabled $istio.revision }}
istio.io/rev: {{ include "metadata.text" $istio.revision | quote }}
{{- end }}
{{- with .root.Values.pods.labels }}
{{ include "metadata.textMap" . }}
{{- end }}
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
{{- with .Values.mysql.existingSecret }}{{ include "metadata.text" . }}{{ else }}metadata-db-secrets{{ end -}}
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

{{- /* The reference of an image. (dict "root" $ "image" "server") */ -}}
{{- define "metadata.image" -}}
{{- $image := index .root.Values.images .image -}}
{{- $repository := $image.repository -}}
{{- with .root.Values.images.registry }}{{ $repository = print . "/" (base $repository) }}{{ end -}}
{{- if $image.digest }}{{ $repository }}@{{ $image.digest }}{{ else }}{{ $repository }}:{{ include "metadata.text" $image.tag }}{{ end -}}
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
{{- $amounts := include "metadata.amounts" . | fromYaml -}}
requests:
  cpu: {{ $amounts.cpu.requests | quote }}
  memory: {{ $amounts.memory.requests | quote }}
  ephemeral-storage: {{ index .storage 0 }}
limits:
  cpu: {{ $amounts.cpu.limits | quote }}
  memory: {{ $amounts.memory.limits | quote }}
  ephemeral-storage: {{ index .storage 1 }}
{{- end -}}

{{- /* Environment variables by name, what is asked for over what is usual. (dict "usual" dict "extra" dict) */ -}}
{{- define "metadata.env" -}}
{{- $separator := "" -}}
{{- range $name, $value := mergeOverwrite (deepCopy .usual) (.extra | default dict) }}
{{- $separator }}{{ $separator = "\n" -}}
- name: {{ $name }}
  {{- if kindIs "map" $value }}
  {{- toYaml $value | nindent 2 }}
  {{- else }}
  value: {{ include "metadata.text" $value | quote }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Adds a server's limits to its variables, where they are set. (dict "root" $ "part" "rest" "env" $env "prefix" "KFM_REST") */ -}}
{{- define "metadata.limits" -}}
{{- $seconds := (index .root.Values .part).maxCallSeconds -}}
{{- if not (kindIs "invalid" $seconds) }}{{ $_ := set .env (print .prefix "_MAX_CALL_SECONDS") $seconds }}{{ end -}}
{{- if ne .part "grpc" -}}
{{- with .root.Values.allowedOrigins }}{{ $_ := set $.env (print $.prefix "_ALLOWED_ORIGINS") (join "," .) }}{{ end -}}
{{- with .root.Values.allowedHosts }}{{ $_ := set $.env (print $.prefix "_ALLOWED_HOSTS") (join "," .) }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* What all pods have. (dict "root" $ "account" "metadata-ui") */ -}}
{{- define "metadata.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ include "metadata.text" . | quote }}
  {{- end }}
{{- end }}
{{- with .root.Values.scheduling.nodeSelector }}
nodeSelector:
  {{- include "metadata.textMap" . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.scheduling.priorityClass }}
priorityClassName: {{ include "metadata.text" . | quote }}
{{- end }}
securityContext:
  {{- with .root.Values.pods.securityContext }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
  {{- end }}
{{- end -}}

{{- define "metadata.containerSecurity" -}}
{{- with .Values.pods.containerSecurityContext }}
{{- toYaml . }}
{{- else -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}
{{- end -}}

{{- /* Does a server have more than one replica? (dict "root" $ "part" "ui") */ -}}
{{- define "metadata.several" -}}
{{- if or .root.Values.highAvailability.enabled (gt (index .root.Values .part "replicas" | int) 1) }}true{{ end -}}
{{- end -}}

{{- /* Where pods run: as the settings say, else several of a server on different nodes and zones. (dict "root" $ "part" "ui") */ -}}
{{- define "metadata.spread" -}}
{{- $scheduling := .root.Values.scheduling -}}
{{- $isServer := has .part (include "metadata.servers" .root | fromYamlArray) -}}
{{- $several := and $isServer (include "metadata.several" .) -}}
{{- if $scheduling.affinity }}
affinity:
  {{- toYaml $scheduling.affinity | nindent 2 }}
{{- else if $several }}
affinity:
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              metadata.kubeflow.org/part: {{ .part }}
{{- end }}
{{- if $scheduling.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml $scheduling.topologySpreadConstraints | nindent 2 }}
{{- else if $several }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        metadata.kubeflow.org/part: {{ .part }}
{{- end }}
{{- end -}}

{{- /* The address that servers listen on: of both IP families where one of them is IPv6. */ -}}
{{- define "metadata.anyAddress" -}}
{{- $network := .Values.network -}}
{{- if or (has "IPv6" $network.ipFamilies) (hasSuffix "DualStack" $network.ipFamilyPolicy) }}::{{ else }}0.0.0.0{{ end -}}
{{- end -}}

{{- /* The IP families of a Service. */ -}}
{{- define "metadata.families" -}}
{{- with .Values.network.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with .Values.network.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
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
