#!/usr/bin/env bash
# The admission policies of the chart on a real API server: who may do what, under Warn and Deny, with and without breaking
# the glass. Needs the charts installed (install.sh). Cases are dry runs on the server, which go through admission like any
# request, except where what is written matters.
. "$(dirname "$0")/lib.sh"

parameters() { # parameters KEY=VALUE...: replaces what the operator would have written, as the operator
  local args=() pair
  for pair in "$@"; do args+=("--from-literal=$pair"); done
  "$KUBECTL" -n $namespace create configmap vpc-cni-operator-admission "${args[@]}" --dry-run=client -o yaml |
    as $operator -n $namespace replace -f - >/dev/null
}
mode() { # mode Warn|Deny: as the operator does it
  local name
  for name in vpccni-owned-keys vpccni-update-strategy vpccni-target-delete vpccni-eniconfigs-in-use; do
    as $operator patch validatingadmissionpolicybinding $name --type merge \
      -p "{\"spec\":{\"validationActions\":[\"$1\",\"Audit\"]}}" >/dev/null
  done
}
patch() { # patch USER JSON: a strategic merge of the DaemonSet, as kubectl edit or set env would send it
  as "$1" -n kube-system patch daemonset aws-node --dry-run=server -p "$2"
}
env_of() { # env_of CONTAINER NAME VALUE [METADATA] [LIST]
  echo "{\"metadata\":{${4:-}},\"spec\":{\"template\":{\"spec\":{\"${5:-containers}\":[{\"name\":\"$1\",\"env\":[{\"name\":\"$2\",\"value\":\"$3\"}]}]}}}}"
}
glass() { echo "\"annotations\":{\"vpccni.io/break-glass\":\"$1\"}"; }
eniconfig() { # eniconfig USER NAME JSON
  as "$1" patch eniconfig "$2" --type merge --dry-run=server -p "$3"
}
owned="awsNodeOwned=,WARM_ENI_TARGET,ENABLE_PREFIX_DELEGATION,WARM_IP_TARGET,"
base=(target=kube-system/aws-node "$owned" initOwned=,ENABLE_IPv6, nodeAgentArgsOwned=true eniConfigsInUse=,zone-a,)
warm=$(env_of aws-node WARM_ENI_TARGET 9)

"$KUBECTL" apply -f "$here/data/users.yaml" -f "$here/data/eniconfigs.yaml" >/dev/null
mode Warn
parameters
until_outcome allowed "$KUBECTL" apply -f "$here/data/aws-node.yaml"
parameters "${base[@]}"
until_outcome warned patch alice "$warm"

echo "== owned keys, Warn"
expect warned "an owned variable is changed" patch alice "$warm"
expect allowed "a variable that is not owned" patch alice "$(env_of aws-node AWS_VPC_K8S_CNI_LOGLEVEL INFO)"
expect allowed "a label" patch alice '{"metadata":{"labels":{"team":"net"}}}'

echo "== owned keys, Deny"
mode Deny
until_outcome denied patch alice "$warm"
expect denied "changed" patch alice "$warm"
says "aws-node/WARM_ENI_TARGET of kube-system/aws-node belongs to vpc-cni-operator" "the key is named" patch alice "$warm"
says "kubectl edit cnip default" "what to do is said" patch alice "$warm"
expect denied "added" patch alice "$(env_of aws-node WARM_IP_TARGET 5)"
expect denied "removed" patch alice '{"spec":{"template":{"spec":{"containers":[{"name":"aws-node","env":[{"name":"WARM_ENI_TARGET","$patch":"delete"}]}]}}}}'
expect denied "a value from elsewhere" patch alice '{"spec":{"template":{"spec":{"containers":[{"name":"aws-node","env":[{"name":"WARM_ENI_TARGET","value":null,"valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}}]}]}}}}'
expect denied "the whole container renamed" as alice -n kube-system patch daemonset aws-node --dry-run=server --type json -p '[{"op":"replace","path":"/spec/template/spec/containers/0/name","value":"other"}]'
expect denied "in the init container" patch alice "$(env_of aws-vpc-cni-init ENABLE_IPv6 true "" initContainers)"
expect allowed "the same name in a container where it is not owned" patch alice "$(env_of aws-node ENABLE_IPv6 true)"
expect allowed "not owned in the init container" patch alice "$(env_of aws-vpc-cni-init DISABLE_TCP_EARLY_DEMUX true "" initContainers)"
agent_args='{"spec":{"template":{"spec":{"containers":[{"name":"aws-eks-nodeagent","args":["--enable-network-policy=true"]}]}}}}'
expect denied "arguments of the node agent" patch alice "$agent_args"
expect allowed "a variable that is not owned" patch alice "$(env_of aws-node AWS_VPC_K8S_CNI_LOGLEVEL INFO)"
expect allowed "the operator itself" patch $operator "$warm"
expect allowed "the add-on manager of EKS" patch eks:addon-manager "$warm"
says "aws-node/WARM_ENI_TARGET, aws-node/ENABLE_PREFIX_DELEGATION" "all keys are named" patch alice \
  '{"spec":{"template":{"spec":{"containers":[{"name":"aws-node","env":[{"name":"WARM_ENI_TARGET","value":"0"},{"name":"ENABLE_PREFIX_DELEGATION","value":"true"}]}]}}}}'

echo "== break-glass of an edit"
expect denied "no right" patch alice "$(env_of aws-node WARM_ENI_TARGET 2 "$(glass incident-1)")"
says "this user may not use it" "the missing right is named" patch alice "$(env_of aws-node WARM_ENI_TARGET 2 "$(glass incident-1)")"
expect denied "the right without the annotation" patch bob "$warm"
expect allowed "right and annotation" patch bob "$(env_of aws-node WARM_ENI_TARGET 2 "$(glass incident-1)")"
as bob -n kube-system patch daemonset aws-node -p "$(env_of aws-node WARM_ENI_TARGET 2 "$(glass incident-1)")" >/dev/null
expect denied "the same annotation a second time" patch bob "$(env_of aws-node WARM_ENI_TARGET 3 "$(glass incident-1)")"
expect denied "the annotation taken away" patch bob "$(env_of aws-node WARM_ENI_TARGET 3 '"annotations":{"vpccni.io/break-glass":null}')"
expect allowed "a new one" patch bob "$(env_of aws-node WARM_ENI_TARGET 3 "$(glass incident-2)")"
parameters "${base[@]}" suspended=,WARM_ENI_TARGET,
until_outcome allowed patch alice "$(env_of aws-node WARM_ENI_TARGET 4)"
expect denied "a suspended key frees no other" patch alice "$(env_of aws-node ENABLE_PREFIX_DELEGATION true)"

echo "== update strategy"
strategy='{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'
expect allowed "while nothing shields" patch alice "$strategy"
parameters "${base[@]}" shield=true
until_outcome denied patch alice "$strategy"
expect denied "while a migration shields" patch alice "$strategy"
expect allowed "something else meanwhile" patch alice '{"metadata":{"labels":{"team":"net"}}}'
expect allowed "the operator" patch $operator "$strategy"
expect allowed "with break-glass" patch bob '{"metadata":{"annotations":{"vpccni.io/break-glass":"incident-3"}},"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}'

echo "== delete of the target"
delete_target() { as "$1" -n kube-system delete daemonset aws-node --dry-run=server; }
expect denied "by an editor" delete_target alice
expect denied "by one with the right, after an edit's break-glass" delete_target bob
expect denied "all of the namespace at once" as alice -n kube-system delete daemonset --all --dry-run=server
"$KUBECTL" -n kube-system annotate daemonset aws-node --overwrite vpccni.io/break-glass="delete: rebuild" >/dev/null
expect allowed "annotated, with the right" delete_target bob
expect denied "annotated, without the right" delete_target alice
expect allowed "the add-on manager of EKS" delete_target eks:addon-manager

echo "== ENIConfigs in use"
expect denied "spec of one in use" eniconfig alice zone-a '{"spec":{"subnet":"subnet-other"}}'
says "nodes use the ENIConfig zone-a" "it is named" eniconfig alice zone-a '{"spec":{"subnet":"subnet-other"}}'
expect allowed "a label of one in use" eniconfig alice zone-a '{"metadata":{"labels":{"team":"net"}}}'
expect allowed "one that nobody uses" eniconfig alice zone-unused '{"spec":{"subnet":"subnet-other"}}'
expect allowed "the operator" as $operator patch eniconfig zone-a --type merge --dry-run=server -p '{"spec":{"subnet":"subnet-other"}}'
expect denied "break-glass without the right" eniconfig alice zone-a "{\"metadata\":{$(glass incident-4)},\"spec\":{\"subnet\":\"subnet-other\"}}"
expect allowed "break-glass" eniconfig bob zone-a "{\"metadata\":{$(glass incident-4)},\"spec\":{\"subnet\":\"subnet-other\"}}"
expect denied "deleted" as alice delete eniconfig zone-a --dry-run=server
expect denied "deleted among all" as bob delete eniconfig --all --dry-run=server
expect allowed "one that nobody uses is deleted" as alice delete eniconfig zone-unused --dry-run=server
"$KUBECTL" annotate eniconfig zone-a vpccni.io/break-glass="delete: wrong zone" >/dev/null
expect denied "deleted with the annotation, without the right" as alice delete eniconfig zone-a --dry-run=server
expect allowed "deleted with annotation and right" as bob delete eniconfig zone-a --dry-run=server

echo "== states of nodes"
# Tokens as kubelets ask for them: bound to a pod, so that the API server vouches for the node.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$KUBECTL" apply -f "$here/data/agents.yaml" >/dev/null
agent() { # agent TOKEN_FLAGS...: a kubeconfig with such a token
  local file=$scratch/agent-$RANDOM token context
  cp "$KUBECONFIG" "$file"
  token=$("$KUBECTL" -n kube-system create token aws-node "$@")
  context=$("$KUBECTL" config current-context)
  "$KUBECTL" --kubeconfig "$file" config set-credentials agent --token "$token" >/dev/null
  "$KUBECTL" --kubeconfig "$file" config set-context "$context" --user agent >/dev/null
  echo "$file"
}
on_node=$(agent --bound-object-kind Pod --bound-object-name chart-test-agent)
on_none=$(agent)
state() { printf '{"apiVersion":"vpccni.io/v1alpha1","kind":"CniNodeState","metadata":{"name":"%s"},"spec":{}}' "$1"; }
create_state() { state "$2" | "$KUBECTL" --kubeconfig "$1" create --dry-run=server -f -; }
expect allowed "of its own node" create_state "$on_node" chart-test-1
expect denied "of another node" create_state "$on_node" chart-test-2
expect denied "with a token that names no node" create_state "$on_none" chart-test-1
says "the agent of node chart-test-1 may write only the CniNodeState of its own node, not chart-test-2" "both are named" create_state "$on_node" chart-test-2
state chart-test-2 | "$KUBECTL" apply -f - >/dev/null
expect denied "another one's status" "$KUBECTL" --kubeconfig "$on_node" patch cninodestate chart-test-2 --subresource status \
  --type merge --dry-run=server -p '{"status":{"mode":"Prefix"}}'
expect denied "another one is deleted" "$KUBECTL" --kubeconfig "$on_node" delete cninodestate chart-test-2 --dry-run=server
"$KUBECTL" delete -f "$here/data/agents.yaml" --force --grace-period 0 >/dev/null 2>&1

echo "== nothing is bound without parameters"
"$KUBECTL" -n kube-system annotate daemonset aws-node vpccni.io/break-glass- >/dev/null
parameters
until_outcome allowed patch alice "$warm"
expect allowed "empty: delete of the target" delete_target alice
parameters "${base[@]}"
until_outcome denied patch alice "$warm"
"$KUBECTL" -n $namespace delete configmap vpc-cni-operator-admission >/dev/null
until_outcome allowed patch alice "$warm"
expect allowed "missing: delete of the target" delete_target alice
expect allowed "missing: an ENIConfig" eniconfig alice zone-a '{"spec":{"subnet":"subnet-other"}}'

echo "== an upgrade of the chart brings the parameters back, and leaves data alone"
upgrade() { "$HELM" upgrade vpc-cni-operator "$charts/vpc-cni-operator" -n $namespace --reuse-values >/dev/null; }
upgrade
parameters "${base[@]}"
upgrade
says ",zone-a," "data survives an upgrade" "$KUBECTL" -n $namespace get configmap vpc-cni-operator-admission -o yaml

"$KUBECTL" delete -f "$here/data/users.yaml" >/dev/null
"$KUBECTL" delete eniconfig --all >/dev/null
"$KUBECTL" delete cninodestate --all >/dev/null
parameters
until_outcome allowed as system:admin --as-group system:masters -n kube-system delete daemonset aws-node --dry-run=server
"$KUBECTL" -n kube-system delete daemonset aws-node >/dev/null
summary "admission"
