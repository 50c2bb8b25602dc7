{{- /* Fails with a sentence for each value that is unknown, moved, or breaks a rule of files/model.yaml. */ -}}
{{- define "metadata.checks" -}}
{{- $model := include "metadata.model" . | fromYaml -}}
{{- $problems := include "metadata.unknown" (dict "values" (omit .Values "creator" "global") "known" $model.known "moved" $model.moved "path" "") -}}
{{- $areKnown := empty $problems }}
{{- range $rule := $areKnown | ternary $model.rules (list) }}
{{- $applies := true }}
{{- range $rule.when }}
{{- if not (include "metadata.holds" (dict "values" $.Values "condition" .)) }}{{ $applies = false }}{{ end }}
{{- end }}
{{- $lacking := and $rule.needs (not (include "metadata.holds" (dict "values" $.Values "condition" $rule.needs))) }}
{{- $forbidden := and $rule.forbids (include "metadata.holds" (dict "values" $.Values "condition" $rule.forbids)) }}
{{- if and $applies (or $lacking $forbidden) }}{{ $problems = printf "%s\n%s" $problems $rule.sentence }}{{ end }}
{{- end }}
{{- if $areKnown }}{{ $problems = print $problems (include "metadata.names" .) (include "metadata.capacity" .) }}{{ end -}}
{{- with $problems }}{{ fail (printf "\nInvalid values:%s\nSee all values with: helm show values <chart>" .) }}{{ end -}}
{{- end -}}

{{- /* "true" where a condition of a rule holds. (dict "values" .Values "condition" (dict "setting" "a.b" "above" 1)) */ -}}
{{- define "metadata.holds" -}}
{{- $value := include "metadata.at" (dict "values" .values "path" .condition.setting) | fromJson -}}
{{- $holds := not (empty $value.it) -}}
{{- if hasKey .condition "equals" -}}
{{- $holds = eq (toString $value.it) .condition.equals -}}
{{- else if hasKey .condition "above" -}}
{{- $holds = gt (int $value.it) (int .condition.above) -}}
{{- else if hasKey .condition "below" -}}
{{- $other := include "metadata.at" (dict "values" .values "path" .condition.below) | fromJson -}}
{{- $holds = lt (int $value.it) (int $other.it) -}}
{{- end -}}
{{- if $holds }}true{{ end -}}
{{- end -}}

{{- /* The value at a path, as `it` of an object in JSON. (dict "values" .Values "path" "a.b") */ -}}
{{- define "metadata.at" -}}
{{- $value := .values -}}
{{- range splitList "." .path }}{{ $value = index $value . }}{{ end -}}
{{- dict "it" $value | toJson -}}
{{- end -}}

{{- /* A line for each name that no value has: what to use instead, or the names that there are. */ -}}
{{- define "metadata.unknown" -}}
{{- range $name, $value := .values }}
{{- $path := empty $.path | ternary $name (printf "%s.%s" $.path $name) }}
{{- if not (hasKey $.known $name) }}
{{- with get $.moved $path }}
{{ $path }}: no such setting; use {{ . }}.
{{- else }}
{{ $path }}: no such setting. Settings here: {{ keys $.known | sortAlpha | join ", " }}.
{{- end }}
{{- else if eq (toString (index $.known $name)) "text" }}
{{- include "metadata.notText" (dict "path" $path "value" $value) }}
{{- else if eq (toString (index $.known $name)) "texts" }}
{{- range $key, $each := $value }}
{{- include "metadata.notText" (dict "path" (printf "%s.%v" $path $key) "value" $each) }}
{{- end }}
{{- else if and (index $.known $name) (kindIs "map" $value) }}
{{- include "metadata.unknown" (dict "values" $value "known" (index $.known $name) "moved" $.moved "path" $path) }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* A line where text is meant and a number is given, of which digits may have been lost. (dict "path" "a.b" "value" 1.1) */ -}}
{{- define "metadata.notText" -}}
{{- if and (kindIs "float64" .value) (ne (floor .value) .value) }}
{{ .path }}: {{ .value }} is a number, of which digits may have been lost: write it in quotes, as in "{{ .value }}"
{{- end }}
{{- end -}}

{{- /* A line for each label, variable and argument of mysqld that is ours, or that nobody knows. */ -}}
{{- define "metadata.names" -}}
{{- $model := include "metadata.model" . | fromYaml -}}
{{- range $setting, $labels := dict "pods.labels" .Values.pods.labels "serviceAccounts.labels" .Values.serviceAccounts.labels }}
{{- range $label, $_ := $labels }}
{{- if regexMatch (print "^" $model.ourLabels) $label }}
{{ $setting }}: {{ $label }} is set by the installation; choose another name
{{- end }}
{{- end }}
{{- end }}
{{- range $prefix, $variables := $model.variables }}
{{- $part := get $model.environments $prefix }}
{{- range $name, $_ := (index $.Values $part).extraEnv }}
{{- if and (hasPrefix "KFM_" $name) (not (has $name $variables)) }}
{{ $part }}.extraEnv: {{ $name }}: no such variable. Variables of this server: {{ join ", " $variables }}
{{- end }}
{{- end }}
{{- end }}
{{- range $argument := .Values.mysql.extraArgs }}
{{- $name := regexReplaceAll $model.argumentPrefixes (toString $argument) "" | splitList "=" | first }}
{{- with get $model.fixedArguments $name }}
mysql.extraArgs must not contain {{ $argument }}: {{ . }}.
{{- end }}
{{- end }}
{{- end -}}
