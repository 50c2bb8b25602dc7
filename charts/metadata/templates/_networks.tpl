{{- /* Clients of our servers: this namespace, profiles of Kubeflow, the ingress gateway, and the namespaces in the values. */ -}}
{{- define "metadata.clients" -}}
- podSelector: {}
- namespaceSelector:
    matchLabels:
      app.kubernetes.io/part-of: kubeflow-profile
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .Values.networkPolicy.gatewayNamespace | quote }}
{{- range .Values.networkPolicy.clientNamespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . | quote }}
{{- end }}
{{- end -}}

{{- /* Prometheus scrapes a part's metrics. (dict "root" $ "part" "rest") */ -}}
{{- define "metadata.prometheus" -}}
{{- if .root.Values.monitoring.enabled }}
- from:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .root.Values.monitoring.namespace | quote }}
  ports:
    - port: {{ (include "metadata.part" . | fromYaml).metrics.number }}
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

{{- /* To one of our parts. (dict "part" "rest" "port" 8080) */ -}}
{{- define "metadata.toPart" -}}
- to:
    - podSelector:
        matchLabels:
          metadata.kubeflow.org/part: {{ .part }}
  ports:
    - port: {{ .port }}
      protocol: TCP
{{- end -}}

{{- /* To the gRPC server: ours, or that of Kubeflow Pipelines. */ -}}
{{- define "metadata.toStore" -}}
{{- if .Values.besideKfp.enabled -}}
- to:
    - podSelector:
        matchLabels:
          component: metadata-grpc-server
  ports:
    - port: 8080
      protocol: TCP
{{- else -}}
{{- include "metadata.toPart" (dict "part" "grpc" "port" 8080) -}}
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
        cidr: {{ . | quote }}
    {{- end }}
  {{- end }}
{{- end -}}
