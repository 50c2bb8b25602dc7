{{- /* Clients of our servers: this namespace, profiles of Kubeflow, the ingress gateway, and the namespaces in the values. */ -}}
{{- define "metadata.clients" -}}
- podSelector: {}
- namespaceSelector:
    matchLabels:
      app.kubernetes.io/part-of: kubeflow-profile
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "metadata.text" .Values.networkPolicy.gatewayNamespace | quote }}
{{- range .Values.networkPolicy.clientNamespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ include "metadata.text" . | quote }}
{{- end }}
{{- range .Values.networkPolicy.clientCidrs }}
- ipBlock:
    cidr: {{ . | quote }}
{{- end }}
{{- end -}}

{{- /* Prometheus scrapes a part's metrics. (dict "root" $ "part" "rest") */ -}}
{{- define "metadata.prometheus" -}}
{{- if .root.Values.monitoring.enabled }}
- from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ include "metadata.text" .root.Values.monitoring.namespace | quote }}
  ports:
    - port: {{ (include "metadata.part" . | fromYaml).metrics.number | int }}
      protocol: TCP
{{- end }}
{{- end -}}

{{- define "metadata.dns" -}}
- ports: # DNS, wherever it runs: in pods, on the node, outside the cluster
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end -}}

{{- /* Sidecars get their configuration and certificates from istiod. */ -}}
{{- define "metadata.istiod" -}}
{{- if .Values.istio.enabled }}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: istio-system
      podSelector:
        matchLabels:
          app: istiod
  ports:
    - port: 15012
      protocol: TCP
{{- end }}
{{- end -}}

{{- /* Is the mesh Istio's ambient one? */ -}}
{{- define "metadata.ambient" -}}
{{- if and .Values.istio.enabled (eq .Values.istio.mode "ambient") }}true{{ end -}}
{{- end -}}

{{- /* Between members of an ambient mesh, connections arrive on the port of its tunnel. */ -}}
{{- define "metadata.tunnel" -}}
{{- if include "metadata.ambient" . }}
- port: 15008
  protocol: TCP
{{- end }}
{{- end -}}

{{- /* To a part that is needed: ours, an external database, or the store of Kubeflow Pipelines. (dict "root" $ "part" "grpc") */ -}}
{{- define "metadata.toNeeded" -}}
{{- $external := .root.Values.externalMysql -}}
{{- $port := (first (first (include "metadata.part" . | fromYaml).services).ports).number -}}
{{- if and (eq .part "db") $external.enabled -}}
{{- include "metadata.toAddresses" (dict "ports" (list $external.port) "cidrs" $external.cidrs) -}}
{{- else -}}
- to:
    - podSelector:
        matchLabels:
          {{- if and (eq .part "grpc") .root.Values.besideKfp.enabled }}
          component: metadata-grpc-server
          {{- else }}
          metadata.kubeflow.org/part: {{ .part }}
          {{- end }}
  ports:
    - port: {{ $port | int }}
      protocol: TCP
    {{- if ne .part "db" }}
    {{- with include "metadata.tunnel" .root | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
{{- end -}}
{{- end -}}

{{- /* To some ports, of some addresses or any. (dict "ports" list "cidrs" list) */ -}}
{{- define "metadata.toAddresses" -}}
- ports:
    {{- range .ports }}
    - port: {{ . | int }}
      protocol: TCP
    {{- end }}
  {{- with .cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ include "metadata.text" . | quote }}
    {{- end }}
  {{- end }}
{{- end -}}
