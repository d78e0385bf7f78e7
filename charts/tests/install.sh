#!/usr/bin/env bash
# Both charts on a real API server: they install, upgrade and go; the definitions stay; the schema refuses what it should; the
# service account may do what it needs and nothing beside. `install.sh keep` leaves them installed, for admission.sh.
. "$(dirname "$0")/lib.sh"
version=$("$KUBECTL" version -o json | sed -n '/serverVersion/,$s/.*"gitVersion": "\(.*\)".*/\1/p')
render() { "$HELM" template vpc-cni-operator "$charts/vpc-cni-operator" -n $namespace --kube-version "$version" "$@"; }
works() { local what=$1; shift; if "$@" >/dev/null 2>&1; then passed=$((passed + 1)); echo "ok    $what"; else failed=$((failed + 1)); echo "FAIL  $what"; "$@" 2>&1 | tail -5 | sed 's/^/        /' || true; fi; }

echo "== lint, and values that are refused"
for chart in vpc-cni-operator vpc-cni-operator-crds; do
  works "lint $chart" "$HELM" lint --strict "$charts/$chart" --kube-version "$version"
done
for values in unknownKey=1 admission.mode=Enforce log.format=xml replicaCount=0 server.port=70000 extraEnv=x \
  admission.unknown=1 image.digest=latest ec2.callsPerMinute=0 target.name=Bad_Name server.bindAddress=everywhere; do
  says "$(cut -d= -f1 <<<"$values" | sed 's/.*\.//')" "refused: $values" render --set "$values"
  works "exit code of $values" bash -c "! '$HELM' template x '$charts/vpc-cni-operator' --kube-version $version --set '$values'"
done
works "refused: leader election off with two replicas" bash -c "! '$HELM' template x '$charts/vpc-cni-operator' --kube-version $version --set leaderElection.enabled=false"
works "leader election off with one replica" render --set leaderElection.enabled=false --set replicaCount=1
works "refused: an annotation that would replace keep" bash -c "! '$HELM' template x '$charts/vpc-cni-operator-crds' --kube-version $version --set 'annotations.helm\.sh/resource-policy=delete'"
says "--listen=[::]:9095" "an IPv6 address is bracketed" render --set server.bindAddress=::
says "operator@sha256:" "a digest wins over a tag" render --set image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000 --set image.tag=x

echo "== install"
works "the definitions, with ENIConfig" "$HELM" upgrade --install vpc-cni-operator-crds "$charts/vpc-cni-operator-crds" -n $namespace --create-namespace --set eniConfigCrd.create=true
for crd in cnipolicies.vpccni.io cnimigrations.vpccni.io cninodestates.vpccni.io eniconfigs.crd.k8s.amazonaws.com; do
  works "$crd is established" "$KUBECTL" wait --for=condition=Established --timeout=30s "crd/$crd"
  says '"keep"' "$crd is kept" "$KUBECTL" get crd "$crd" -o 'jsonpath="{.metadata.annotations.helm\.sh/resource-policy}"'
done
works "the operator" "$HELM" upgrade --install vpc-cni-operator "$charts/vpc-cni-operator" -n $namespace
works "the operator again" "$HELM" upgrade vpc-cni-operator "$charts/vpc-cni-operator" -n $namespace
for policy in vpccni-owned-keys vpccni-update-strategy vpccni-target-delete vpccni-eniconfigs-in-use vpccni-node-state vpccni-migration-approval; do
  works "$policy is type-checked" "$KUBECTL" wait --timeout=30s --for=jsonpath='{.status.observedGeneration}'=1 "validatingadmissionpolicy/$policy"
  says "{}" "$policy has no warnings" "$KUBECTL" get validatingadmissionpolicy $policy -o 'jsonpath={.status.typeChecking}'
done

echo "== what the service account may do"
can() { # can yes|no VERB RESOURCE [ARG...]
  local want=$1 got
  shift
  got=$(as $operator auth can-i "$@" 2>/dev/null) || true
  if [ "$got" = "$want" ]; then passed=$((passed + 1)); echo "ok    $want: $*"; else failed=$((failed + 1)); echo "FAIL  want $want, got $got: $*"; fi
}
can_review() { # can_review VERB GROUP RESOURCE: for kinds that this API server does not have
  says true "$*" "$KUBECTL" create -o 'jsonpath={.status.allowed}' -f - <<SAR
{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"$operator","groups":["system:serviceaccounts","system:authenticated"],
 "resourceAttributes":{"verb":"$1","group":"$2","resource":"$3"}}}
SAR
}
can yes patch daemonsets.apps/aws-node -n kube-system
can yes watch daemonsets.apps -n kube-system
can yes watch daemonsets.apps -A
can yes list controllerrevisions.apps -n kube-system
can yes update configmaps/amazon-vpc-cni -n kube-system
can yes update configmaps/vpc-cni-operator-admission -n $namespace
can yes create leases.coordination.k8s.io -n $namespace
can yes update leases.coordination.k8s.io/vpc-cni-operator -n $namespace
can yes watch cnipolicies.vpccni.io
can yes patch cnipolicies.vpccni.io --subresource=status
can yes delete cninodestates.vpccni.io
can yes patch cninodestates.vpccni.io --subresource=status
can yes create eniconfigs.crd.k8s.amazonaws.com
can yes watch pods -A
can yes get pods -n kube-system
can yes watch nodes
can yes list networkpolicies.networking.k8s.io -A
can yes list services -A
can_review list vpcresources.k8s.aws securitygrouppolicies
can_review watch vpcresources.k8s.aws cninodes
can_review list karpenter.sh nodepools
can_review watch karpenter.sh nodepools
can_review list karpenter.sh nodeclaims
can_review list karpenter.k8s.aws ec2nodeclasses
can yes get deployments.apps/karpenter -n kube-system
can no get deployments.apps/others -n kube-system
can yes create events.events.k8s.io -n default
can yes patch validatingadmissionpolicybindings.admissionregistration.k8s.io/vpccni-owned-keys
can no patch validatingadmissionpolicybindings.admissionregistration.k8s.io/vpccni-node-state
can no patch validatingadmissionpolicybindings.admissionregistration.k8s.io/others
can no patch validatingadmissionpolicies.admissionregistration.k8s.io/vpccni-owned-keys
can no patch daemonsets.apps/kube-proxy -n kube-system
can no patch daemonsets.apps/aws-node -n default
can no create daemonsets.apps -n kube-system
can no delete daemonsets.apps/aws-node -n kube-system
can no get configmaps/coredns -n kube-system
can no get configmaps/others -n $namespace
can no create configmaps -n kube-system
can no update leases.coordination.k8s.io/others -n $namespace
can no deletecollection eniconfigs.crd.k8s.amazonaws.com
can no patch cnipolicies.vpccni.io
can no break-glass cnipolicies.vpccni.io/default
can yes create cnimigrations.vpccni.io
can yes patch cnimigrations.vpccni.io --subresource=status
can no patch cnimigrations.vpccni.io
can no approve cnimigrations.vpccni.io/default
can yes patch nodes
can no delete nodes
can yes create pods --subresource=eviction -A
can no delete pods -A
can yes list poddisruptionbudgets.policy -A
can no patch poddisruptionbudgets.policy -A
can_review patch karpenter.sh nodepools
can_review delete karpenter.sh nodeclaims
can_review patch karpenter.k8s.aws ec2nodeclasses
can no get secrets -A
can no create serviceaccounts --subresource=token -n $namespace

echo "== every switch renders what an API server takes"
# Not server-side: validationActions is a set there, so Deny would be added to Warn, which the API server refuses.
apply_dry() { render "$@" | "$KUBECTL" apply --dry-run=server -f -; }
works "no admission" apply_dry --set admission.enabled=false
works "Deny, a namespace, extra environment" apply_dry --set admission.mode=Deny --set 'admission.exemptUsers={ci-bot}' --set namespace.create=true \
  --set 'extraEnv[0].name=AWS_REGION' --set 'extraEnv[0].value=eu-west-1' --set cluster.name=prod --set cluster.region=eu-west-1
works "no roles, no service account, no budget, no metrics" apply_dry --set rbac.create=false --set serviceAccount.create=false \
  --set podDisruptionBudget.enabled=false --set metrics.service.enabled=false --set release.enabled=false
works "a server on loopback" apply_dry --set server.bindAddress=127.0.0.1
works "a role of IAM" apply_dry --set 'serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::111122223333:role/vpc-cni-operator'
says "runbook_url: https://runbooks.example/vpc-cni#vpccnipolicystalled" "alerts name their runbook" render \
  --set metrics.serviceMonitor.enabled=true --set metrics.prometheusRule.enabled=true --set metrics.prometheusRule.runbookUrl=https://runbooks.example/vpc-cni
says "kind: ServiceMonitor" "a ServiceMonitor" render --set metrics.serviceMonitor.enabled=true
says "helm.sh/hook: pre-delete" "the release Job is a hook" "$HELM" get hooks vpc-cni-operator -n $namespace

echo "== every alert has a runbook"
for alert in $(render --set metrics.prometheusRule.enabled=true | sed -n 's/.*- alert: //p'); do
  works "$alert" grep -qi "^## $alert$" "$charts/../docs/guides/runbooks.md"
done

if [ "${1:-}" = keep ]; then
  summary "install"
  exit
fi
echo "== uninstall"
works "the operator goes (no kubelet runs the hook here)" "$HELM" uninstall vpc-cni-operator -n $namespace --no-hooks --wait
works "the definitions are let go" "$HELM" uninstall vpc-cni-operator-crds -n $namespace
for crd in cnipolicies.vpccni.io cnimigrations.vpccni.io cninodestates.vpccni.io eniconfigs.crd.k8s.amazonaws.com; do
  works "$crd stays" "$KUBECTL" get crd "$crd"
done
for kind in validatingadmissionpolicies validatingadmissionpolicybindings; do
  says "[vpccni-parameter-anchor]" "only the anchor stays of $kind" "$KUBECTL" get $kind -o 'jsonpath=[{.items[*].metadata.name}]'
done
works "the definitions are taken back by the next release" "$HELM" upgrade --install vpc-cni-operator-crds "$charts/vpc-cni-operator-crds" -n $namespace --set eniConfigCrd.create=true
summary "install"
