#!/usr/bin/env bash
# The chart of the node agent on a real API server: schema, install, upgrade, what the service account may do, and that an
# upgrade leaves alone what the operator has set.
. "$(dirname "$0")/lib.sh"
version=$("$KUBECTL" version -o json | sed -n '/serverVersion/,$s/.*"gitVersion": "\(.*\)".*/\1/p')
chart=$charts/vpc-cni-node
render() { "$HELM" template aws-node "$chart" -n kube-system --kube-version "$version" "$@"; }
works() { local what=$1; shift; if "$@" >/dev/null 2>&1; then passed=$((passed + 1)); echo "ok    $what"; else failed=$((failed + 1)); echo "FAIL  $what"; "$@" 2>&1 | tail -5 | sed 's/^/        /' || true; fi; }
refused() { local what=$1; shift; if render "$@" >/dev/null 2>&1; then failed=$((failed + 1)); echo "FAIL  accepted: $what"; else passed=$((passed + 1)); echo "ok    refused: $what"; fi; }

echo "== lint, and values that are refused"
works "lint" "$HELM" lint --strict "$chart" --kube-version "$version"
refused "a key nobody knows" --set unknownKey=1
refused "a variable that is no text" --set env.WARM_ENI_TARGET=1
refused "a tag that does not begin with the release of the contract" --set image.tag=latest
refused "another port of the metrics" --set metrics.port=9000
refused "the network policy agent without an image" --set nodeAgent.enabled=true
refused "an enforcing mode nobody knows" --set nodeAgent.enforcingMode=loose
says "NETWORK_POLICY_ENFORCING_MODE" "the mode comes with the agent" render --set nodeAgent.enabled=true,nodeAgent.image=agent:v1.4.2
works "and not without it" bash -c "! '$HELM' template x '$chart' --kube-version $version | grep NETWORK_POLICY_ENFORCING_MODE"
pods() { render "$@" | grep -A1 'resources: \[pods\]'; }
says "[get, list, watch, patch]" "pods are patched to be annotated" pods --set-string env.ANNOTATE_POD_IP=true
says "[get, list, watch]" "and not for a variable that is false" pods --set-string env.ANNOTATE_POD_IP=false
works "what EKS made can be adopted" bash -c "'$HELM' template x '$chart' --kube-version $version --set originalMatchLabels=true | grep -A3 'matchLabels:' | grep -c . | grep -x 4"

echo "== install"
works "the node agent" "$HELM" upgrade --install aws-node "$chart" -n kube-system
works "the node agent again" "$HELM" upgrade aws-node "$chart" -n kube-system
says "vpc-cni-node:v1.23.1-vpccni" "the tag begins with the release of the contract" "$KUBECTL" -n kube-system get ds aws-node -o 'jsonpath={.spec.template.spec.containers[0].image}'
"$KUBECTL" apply --server-side --field-manager=vpc-cni-operator -f - >/dev/null <<'KEYS'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: aws-node, namespace: kube-system}
spec:
  template:
    spec:
      initContainers: [{name: aws-vpc-cni-init, env: [{name: ENABLE_V6_EGRESS, value: "true"}]}]
      containers: [{name: aws-node, env: [{name: WARM_IP_TARGET, value: "3"}]}]
KEYS
works "an upgrade beside the operator" "$HELM" upgrade aws-node "$chart" -n kube-system --set-string env.MAX_ENI=3
env=("$KUBECTL" -n kube-system get ds aws-node -o "jsonpath={.spec.template.spec['initContainers','containers'][*].env}")
says '"name":"WARM_IP_TARGET","value":"3"' "what the operator set stays" "${env[@]}"
says '"name":"ENABLE_V6_EGRESS","value":"true"' "in the init container too" "${env[@]}"
says '"name":"MAX_ENI","value":"3"' "what the chart sets comes" "${env[@]}"

echo "== what the service account may do"
agent=system:serviceaccount:kube-system:aws-node
can() { # can yes|no VERB RESOURCE [ARG...]
  local want=$1 got
  shift
  got=$(as $agent auth can-i "$@" 2>/dev/null) || true
  if [ "$got" = "$want" ]; then passed=$((passed + 1)); echo "ok    $want: $*"; else failed=$((failed + 1)); echo "FAIL  want $want, got $got: $*"; fi
}
can yes watch nodes
can yes watch pods -A
can yes create events -n kube-system
can yes watch cninodestates.vpccni.io
can yes patch cninodestates.vpccni.io --subresource=status
can no patch pods -A
can no patch nodes
can no delete cninodestates.vpccni.io
can no get secrets -n kube-system
works "uninstall" "$HELM" uninstall aws-node -n kube-system
summary node
