{{- /* Fails with a sentence where values are misspelt, moved, or contradict each other. */ -}}
{{- define "metadata.checks" -}}
{{- $model := include "metadata.model" . | fromYaml -}}
{{- $problems := include "metadata.unknown" (dict "values" .Values "known" $model.known "moved" $model.moved "path" "") -}}
{{- with trim $problems }}{{ fail (printf "\n%s\nEvery value: helm show values" .) }}{{ end -}}
{{- range $model.conflicts }}
{{- if and (include "metadata.at" (dict "values" $.Values "path" (index . 0))) (include "metadata.at" (dict "values" $.Values "path" (index . 1))) }}
{{- fail (printf "\n%s and %s contradict each other: %s." (index . 0) (index . 1) (index . 2)) }}
{{- end }}
{{- end }}
{{- range $model.needs }}
{{- if and (include "metadata.at" (dict "values" $.Values "path" (index . 0))) (not (include "metadata.at" (dict "values" $.Values "path" (index . 1)))) }}
{{- fail (printf "\n%s needs %s: %s." (index . 0) (index . 1) (index . 2)) }}
{{- end }}
{{- end }}
{{- $external := .Values.externalMysql }}
{{- if and $external.enabled (eq $external.tls.mode "verify") (not $external.tls.caSecret) }}
{{- fail "\nexternalMysql.tls.mode is verify and externalMysql.tls.caSecret is empty: name the Secret with the CA of the database's certificate, or set the mode to require (encrypted, not verified) or off." }}
{{- end }}
{{- if and $external.host (not $external.enabled) }}
{{- fail "\nexternalMysql.host is set and externalMysql.enabled is false: set enabled to true, or leave host empty." }}
{{- end }}
{{- with .Values.highAvailability }}
{{- if lt (int .maxReplicas) (int .minReplicas) }}
{{- fail (printf "\nhighAvailability: maxReplicas (%d) is less than minReplicas (%d)" (int .maxReplicas) (int .minReplicas)) }}
{{- end }}
{{- if .enabled }}
{{- range $server := list "grpc" "rest" "ui" }}
{{- if gt (index $.Values $server "replicas" | int) 1 }}
{{- fail (printf "\nhighAvailability.enabled and %s.replicas contradict each other: pods are autoscaled; set highAvailability.minReplicas instead of %s.replicas." $server $server) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* "on" where the value at a path is not empty. */ -}}
{{- define "metadata.at" -}}
{{- $found := .values -}}
{{- range splitList "." .path }}{{ $found = index $found . }}{{ end -}}
{{- if $found }}on{{ end -}}
{{- end -}}

{{- /* One line for each name that no value has. */ -}}
{{- define "metadata.unknown" -}}
{{- range $name, $value := .values }}
{{- $path := empty $.path | ternary $name (printf "%s.%s" $.path $name) }}
{{- if and (empty $.path) (eq $name "global") }}
{{- else if not (hasKey $.known $name) }}
{{- if hasKey $.moved $path }}
{{ $path }}: there is no such value; it is called {{ index $.moved $path }} here
{{- else }}
{{ $path }}: there is no such value
{{- $best := "" }}{{ $most := 40 }}
{{- range $candidate := keys $.known | sortAlpha }}
{{- $likeness := include "metadata.likeness" (dict "a" (lower $name) "b" (lower $candidate)) | int }}
{{- if gt $likeness $most }}{{ $most = $likeness }}{{ $best = $candidate }}{{ end }}
{{- end }}
{{- if $best }}; did you mean {{ empty $.path | ternary $best (printf "%s.%s" $.path $best) }}?{{ else }}; here are {{ keys $.known | sortAlpha | join ", " }}{{ end }}
{{- end }}
{{- else if and (index $.known $name) (kindIs "map" $value) }}
{{- include "metadata.unknown" (dict "values" $value "known" (index $.known $name) "moved" $.moved "path" $path) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* How many pairs of letters two words have in common, in percent. */ -}}
{{- define "metadata.likeness" -}}
{{- $common := 0 }}{{ $pairs := max 1 (sub (add (len .a) (len .b)) 2) }}
{{- if gt (len .a) 1 }}
{{- range $i := until (sub (len .a) 1 | int) }}
{{- if contains (substr $i (add $i 2 | int) $.a) $.b }}{{ $common = add $common 2 }}{{ end }}
{{- end }}
{{- end }}
{{- div (mul $common 100) $pairs }}
{{- end -}}
