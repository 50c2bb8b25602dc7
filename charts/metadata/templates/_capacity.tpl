{{- /* CPU in thousandths of a core. */ -}}
{{- define "metadata.millicores" -}}
{{- if hasSuffix "m" . }}{{ trimSuffix "m" . }}{{ else }}{{ round (mulf (float64 .) 1000) 0 | int64 }}{{ end -}}
{{- end -}}

{{- /* Memory in bytes, as Kubernetes or MySQL writes it. (dict "text" "512Mi" "units" dict) */ -}}
{{- define "metadata.bytes" -}}
{{- $number := regexFind "^[0-9]+" .text -}}
{{- mul (int64 $number) (get .units (trimPrefix $number .text) | default 1 | int64) -}}
{{- end -}}

{{- define "metadata.memoryBytes" -}}
{{- include "metadata.bytes" (dict "text" . "units" (dict "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000)) -}}
{{- end -}}

{{- define "metadata.mysqlBytes" -}}
{{- include "metadata.bytes" (dict "text" . "units" (dict "K" 1024 "M" 1048576 "G" 1073741824)) -}}
{{- end -}}

{{- /* CPU and memory of a part: what is set, else the size's, which follows what is set beyond it. (dict "root" $ "part" "grpc") */ -}}
{{- define "metadata.amounts" -}}
{{- $part := include "metadata.part" . | fromYaml -}}
{{- $usual := index $part.resources (include "metadata.sizeName" .root) -}}
{{- $asked := index .root.Values $part.settings "resources" | default dict -}}
{{- range $name, $amount := dict "cpu" "metadata.millicores" "memory" "metadata.memoryBytes" }}
{{- $askedRequest := index ($asked.requests | default dict) $name }}
{{- $askedLimit := index ($asked.limits | default dict) $name }}
{{- $request := include "metadata.text" ($askedRequest | default (index $usual.requests $name)) }}
{{- $limit := include "metadata.text" ($askedLimit | default (index $usual.limits $name)) }}
{{- if gt (include $amount $request | int64) (include $amount $limit | int64) }}
{{- if not $askedLimit }}{{ $limit = $request }}{{ else if not $askedRequest }}{{ $request = $limit }}{{ end }}
{{- end }}
{{ $name }}:
  requests: {{ $request | quote }}
  limits: {{ $limit | quote }}
{{- end }}
{{- end -}}

{{- /* A line for each amount that contradicts another one, or with which a part cannot run. */ -}}
{{- define "metadata.capacity" -}}
{{- $model := include "metadata.model" . | fromYaml -}}
{{- $size := include "metadata.size" . | fromYaml -}}
{{- range $name, $part := $model.parts }}
{{- $amounts := include "metadata.amounts" (dict "root" $ "part" $name) | fromYaml }}
{{- range $resource, $amount := dict "cpu" "metadata.millicores" "memory" "metadata.memoryBytes" }}
{{- $request := index $amounts $resource "requests" }}{{ $limit := index $amounts $resource "limits" }}
{{- if gt (include $amount $request | int64) (include $amount $limit | int64) }}
{{ $part.settings }}.resources.requests.{{ $resource }} ({{ $request }}) exceeds {{ $part.settings }}.resources.limits.{{ $resource }} ({{ $limit }}): raise the limit, or lower the request.
{{- end }}
{{- end }}
{{- $least := int64 $part.leastMemoryMib }}{{ $setting := "" }}{{ $value := "" }}
{{- if eq $name "grpc" }}
{{- $value = $.Values.grpc.workerProcesses | default $size.workerProcesses | int64 }}{{ $setting = "grpc.workerProcesses" }}
{{- $least = add $least (mul (int64 $model.workerProcessMib) $value) }}
{{- else if eq $name "db" }}
{{- $value = $.Values.mysql.bufferPool | default $size.bufferPool }}{{ $setting = "mysql.bufferPool" }}
{{- $pool := div (include "metadata.mysqlBytes" $value | int64) 1048576 }}
{{- $least = add $least (div (mul $pool (int64 $model.bufferPoolPercent)) 100) }}
{{- end }}
{{- $limit := $amounts.memory.limits }}
{{- if lt (include "metadata.memoryBytes" $limit | int64) (mul $least 1048576) }}
{{ $part.settings }}.resources.limits.memory ({{ $limit }}) is too small{{ with $setting }} for {{ . }} ({{ $value }}){{ end }}: set it to {{ $least }}Mi or more{{ with $setting }}, or lower {{ . }}{{ end }}.
{{- end }}
{{- end }}
{{- end -}}
