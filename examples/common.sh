# What the examples share; each reads it first.
set -eu
URL=${ECTX_URL:-http://127.0.0.1:8080}/v1
CONTEXTS=$URL/execution-contexts

# call CURL-OPTION…: a request as the operator, or without credentials where ECTX_TOKEN is not set. Fails where the answer is an error.
call () {
  curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' ${ECTX_TOKEN:+--header "Authorization: Bearer $ECTX_TOKEN"} "$@"
}

# field NAME: the first text of that name in the JSON on standard input. Enough for an example; a program has a parser.
field () {
  tr '{,}' '\n\n\n' | sed -n "s/^\"$1\":\"\(.*\)\"$/\1/p" | head -n 1
}

# body NAME EXECUTION [MORE]: what creates a context with a value and a secret, and with more in its spec.
body () {
  printf '{"metadata":{"name":"%s"},"spec":{"execution_id":"%s",%s"data":{"REGION":{"value":"eu-central-1"},"API_TOKEN":{"value":"not-a-real-token","is_secret":true}}}}' "$1" "$2" "${3:-}"
}

say () {
  printf '\n# %s\n' "$1"
}
