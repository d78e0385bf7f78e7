{{/*
Annotations of every definition, indented for `metadata`.
*/}}
{{- define "vpc-cni-operator-crds.annotations" -}}
annotations:
  helm.sh/resource-policy: keep
{{- range $key, $value := .Values.annotations }}
  {{ $key }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{/*
A generated definition with our annotations put in as text: a round trip through fromYaml would turn integers into
floats. Fails where the text is not of the expected form, so that no definition is ever rendered without `keep`.
*/}}
{{- define "vpc-cni-operator-crds.keep" -}}
{{- $annotations := include "vpc-cni-operator-crds.annotations" .root | nindent 2 }}
{{- if regexMatch "(?m)^  annotations:" .text }}
{{- fail (printf "%s has annotations of its own: teach the chart to merge them" .path) }}
{{- end }}
{{- if ne (len (regexFindAll "(?m)^metadata:$" .text -1)) 1 }}
{{- fail (printf "%s must hold exactly one object with a line `metadata:`" .path) }}
{{- end }}
{{- regexReplaceAllLiteral "(?m)^metadata:$" .text (printf "metadata:%s" $annotations) }}
{{- end }}
