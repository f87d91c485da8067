#!/bin/sh
# A run gets a token that opens its own context and nothing else: it needs no credentials of its own.
. "$(dirname "$0")/common.sh"
run=run-$$

say "the engine creates the context, and asks for a run token"
created=$(call --data "$(body "Example $run" "$run")" "$CONTEXTS?run_token=true&view=redacted")
id=$(echo "$created" | field id)
token=$(echo "$created" | field run_token)
echo "$id"

say "the run reveals its secrets with it"
curl --silent --fail-with-body --header "Authorization: Bearer $token" "$CONTEXTS/$id"

say "it may do nothing else"
curl --silent --header "Authorization: Bearer $token" --header 'Content-Type: application/json' --data "$(body 'Another' "$run")" "$CONTEXTS" | field code

say "and deletes its context when it ends"
curl --silent --fail-with-body --header "Authorization: Bearer $token" --request DELETE "$CONTEXTS/$id?view=redacted"

say "which ends the token too"
curl --silent --header "Authorization: Bearer $token" "$CONTEXTS/$id" | field code
