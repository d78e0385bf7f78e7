{{/*
The name is fixed: the operator, EKS and everybody's dashboards know the DaemonSet as aws-node.
*/}}
{{- define "vpc-cni-node.name" -}}
aws-node
{{- end }}

{{- define "vpc-cni-node.selectorLabels" -}}
k8s-app: aws-node
{{- if not .Values.originalMatchLabels }}
app.kubernetes.io/name: aws-node
{{- end }}
{{- end }}

{{- define "vpc-cni-node.labels" -}}
k8s-app: aws-node
app.kubernetes.io/name: aws-node
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vpc-cni-node.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- define "vpc-cni-node.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}
