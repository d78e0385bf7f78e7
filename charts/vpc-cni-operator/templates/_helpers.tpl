{{/*
Names are fixed: lease, roles and admission policies exist once per cluster, and so does the operator.
*/}}
{{- define "vpc-cni-operator.name" -}}
vpc-cni-operator
{{- end }}

{{- define "vpc-cni-operator.selectorLabels" -}}
app.kubernetes.io/name: vpc-cni-operator
app.kubernetes.io/component: operator
{{- end }}

{{- define "vpc-cni-operator.labels" -}}
app.kubernetes.io/name: vpc-cni-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vpc-cni-operator.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/*
The name the API server gives the operator: what the admission policies let through.
*/}}
{{- define "vpc-cni-operator.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ .Values.serviceAccount.name }}
{{- end }}

{{- define "vpc-cni-operator.admissionParameters" -}}
vpc-cni-operator-admission
{{- end }}

{{/*
What Deployment and release Job share: where the pod runs, as whom, and with which rights.
*/}}
{{- define "vpc-cni-operator.podPlacement" -}}
serviceAccountName: {{ .Values.serviceAccount.name }}
automountServiceAccountToken: true
hostNetwork: {{ .Values.hostNetwork }}
dnsPolicy: {{ .Values.dnsPolicy }}
priorityClassName: {{ .Values.priorityClassName }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "vpc-cni-operator.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "vpc-cni-operator.env" -}}
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/*
A probe of the kubelet goes to the address of the pod, which is the node's; a server on loopback is reached by naming it.
*/}}
{{- define "vpc-cni-operator.probeHost" -}}
{{- if or (hasPrefix "127." .Values.server.bindAddress) (eq "::1" .Values.server.bindAddress) }}
host: {{ .Values.server.bindAddress | quote }}
{{- end }}
{{- end }}

{{- define "vpc-cni-operator.subject" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}
