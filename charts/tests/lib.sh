# What the chart tests share: kubectl as somebody, one line a case, a count at the end.
set -euo pipefail
: "${KUBECONFIG:?names a kubeconfig with all rights on a scratch cluster}"
KUBECTL=${KUBECTL:-kubectl}
HELM=${HELM:-helm}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
charts=$(dirname "$here")
namespace=vpc-cni-operator
operator=system:serviceaccount:$namespace:vpc-cni-operator
passed=0
failed=0

# outcome COMMAND...: allowed, warned or denied, by what the API server answered; anything else is an error of the test.
outcome() {
  local text code=0
  text=$("$@" 2>&1) || code=$?
  answer=$text
  if [ $code -eq 0 ]; then
    case $text in *"Validation failed for ValidatingAdmissionPolicy"*) echo warned ;; *) echo allowed ;; esac
  else
    case $text in
      *"ValidatingAdmissionPolicy"*denied*) echo denied ;;
      *"(Forbidden)"*) echo forbidden ;;
      *) echo "error: $text" ;;
    esac
  fi
}

# expect OUTCOME "what it is" COMMAND...
expect() {
  local want=$1 what=$2 got
  shift 2
  got=$(outcome "$@")
  if [ "$got" = "$want" ]; then
    passed=$((passed + 1))
    echo "ok    $want: $what"
  else
    failed=$((failed + 1))
    echo "FAIL  want $want, got $got: $what"
    "$@" 2>&1 | sed 's/^/        /' || true
  fi
}

# says TEXT "what it is" COMMAND...: the answer contains the text, in or out of a refusal.
says() {
  local want=$1 what=$2 text
  shift 2
  text=$("$@" 2>&1) || true
  if [[ $text == *"$want"* ]]; then
    passed=$((passed + 1))
    echo "ok    says \"$want\": $what"
  else
    failed=$((failed + 1))
    echo "FAIL  does not say \"$want\": $what"
    sed 's/^/        /' <<<"$text"
  fi
}

# until_outcome OUTCOME COMMAND...: policies and parameters reach the API server's caches after a moment.
until_outcome() {
  local want=$1 deadline=$((SECONDS + 60))
  shift
  until [ "$(outcome "$@")" = "$want" ]; do
    if [ $SECONDS -ge $deadline ]; then
      echo "FAIL  after a minute still not $want: $*"
      "$@" || true
      exit 1
    fi
    sleep 0.2
  done
}

as() { local user=$1; shift; "$KUBECTL" --as "$user" "$@"; }

summary() {
  echo "$1: $passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
