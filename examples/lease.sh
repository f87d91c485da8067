#!/bin/sh
# A run that keeps its context by heartbeats, works with its values as its environment, and is cleared away when it is over.
. "$(dirname "$0")/common.sh"
run=run-$$

say "the engine creates a context that lives for four seconds without a heartbeat"
created=$(call --header "Idempotency-Key: $run" --data "$(body "Example $run" "$run" '"ttl":"600s","lease":"4s",')" "$CONTEXTS?run_token=true&view=redacted")
id=$(echo "$created" | field id)
token=$(echo "$created" | field run_token)

say "the run says every half second that it still runs"
beat () {
  curl --silent --fail --output /dev/null --header "Authorization: Bearer $token" --request POST "$CONTEXTS/$id/heartbeat"
}
while sleep 0.5 && beat; do :; done &
beating=$!

say "and works with its values"
(
  eval "$(curl --silent --show-error --fail --header "Authorization: Bearer $token" "$CONTEXTS/$id/env?format=shell")"
  sleep 5
  echo "in $REGION, with a token of ${#API_TOKEN} characters"
)

say "it ends, and says so no more"
kill "$beating"
wait "$beating" 2> /dev/null || true

say "when the execution is over its engine deletes all that it had; to do so again is no mistake"
for turn in first second; do
  echo "$turn: $(call --request DELETE "$URL/executions/$run/execution-contexts")"
done
