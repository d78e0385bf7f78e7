{{/*
Whom no policy binds: the operator, EKS itself (its add-on manager would otherwise be locked out of its own DaemonSet), and
the controllers of the control plane that finish what somebody else was allowed to begin.
*/}}
{{- define "vpc-cni-operator.admission.exempt" -}}
- name: not-exempt
  expression: >-
    !request.userInfo.username.startsWith('eks:') &&
    !(request.userInfo.username in [
      '{{ include "vpc-cni-operator.username" . }}',
      'system:kube-controller-manager',
      'system:serviceaccount:kube-system:daemon-set-controller',
      'system:serviceaccount:kube-system:generic-garbage-collector',
      'system:serviceaccount:kube-system:namespace-controller'
      {{- range .Values.admission.exemptUsers }},
      {{ . | squote }}
      {{- end }}
    ])
{{- end }}

{{/*
The one DaemonSet, by name and namespace, so that no other DaemonSet of the cluster is ever evaluated, or blocked by a
policy that cannot be.
*/}}
{{- define "vpc-cni-operator.admission.target" -}}
namespaceSelector:
  matchLabels:
    kubernetes.io/metadata.name: {{ .root.Values.target.namespace }}
resourceRules:
  - apiGroups: [apps]
    apiVersions: [v1]
    resources: [daemonsets]
    resourceNames: [{{ .root.Values.target.name }}]
    operations: {{ .operations }}
{{- end }}

{{/*
One-shot: the annotation must be new with this very request. Whoever leaves it in a manifest breaks nothing a second time.
*/}}
{{- define "vpc-cni-operator.admission.breakGlass" -}}
- name: glassBefore
  expression: oldObject.metadata.?annotations[?'vpccni.io/break-glass'].orValue('')
- name: glassAfter
  expression: object.metadata.?annotations[?'vpccni.io/break-glass'].orValue('')
- name: glassAsked
  expression: variables.glassAfter != '' && variables.glassAfter != variables.glassBefore
- name: glassAllowed
  expression: >-
    authorizer.group('vpccni.io').resource('cnipolicies').name('default').check('break-glass').allowed()
{{- end }}

{{/*
A delete carries no new object: the annotation must stand before, and say `delete`, so that none left by an edit suffices.
*/}}
{{- define "vpc-cni-operator.admission.breakGlassDelete" -}}
- name: glassAsked
  expression: >-
    oldObject.metadata.?annotations[?'vpccni.io/break-glass'].orValue('').startsWith('delete:')
- name: glassAllowed
  expression: >-
    authorizer.group('vpccni.io').resource('cnipolicies').name('default').check('break-glass').allowed()
{{- end }}

{{/*
The ends of the messages, as CEL strings.
*/}}
{{- define "vpc-cni-operator.admission.howEdit" -}}
(variables.glassAsked
  ? ' The annotation vpccni.io/break-glass is new, but this user may not use it: it needs the verb break-glass on cnipolicies.vpccni.io default (ClusterRole vpc-cni-operator-break-glass).'
  : ' In an emergency, set the annotation vpccni.io/break-glass to a new value (say why) in the same request, as a user with the verb break-glass on cnipolicies.vpccni.io default.')
{{- end }}

{{- define "vpc-cni-operator.admission.howDelete" -}}
(variables.glassAsked
  ? ' The annotation vpccni.io/break-glass is there, but this user may not use it: it needs the verb break-glass on cnipolicies.vpccni.io default (ClusterRole vpc-cni-operator-break-glass).'
  : ' In an emergency, annotate it first with vpccni.io/break-glass="delete: <why>", then delete it as a user with the verb break-glass on cnipolicies.vpccni.io default.')
{{- end }}

{{/*
The binding of a policy with its parameters. Without the ConfigMap nothing is owned, so nothing is refused.
*/}}
{{- define "vpc-cni-operator.admission.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels:
    {{- include "vpc-cni-operator.labels" .root | nindent 4 }}
  annotations:
    vpccni.io/initial-mode: {{ .root.Values.admission.mode }}
spec:
  policyName: {{ .name }}
  paramRef:
    name: {{ include "vpc-cni-operator.admissionParameters" .root }}
    namespace: {{ .root.Release.Namespace }}
    parameterNotFoundAction: Allow
  validationActions: [{{ .root.Values.admission.mode }}, Audit]
{{- end }}
