#!/bin/sh
# The life of a context: the engine creates it when a run starts, the runner reads it, and it is deleted when the run ends.
. "$(dirname "$0")/common.sh"
run=run-$$

say "create it when the run starts"
created=$(call --data "$(body "Example $run" "$run")" "$CONTEXTS")
echo "$created"
id=$(echo "$created" | field id)

say "read it by its slug while the run goes on"
call "$CONTEXTS/by-reference?slug=example-$run"

say "delete it when the run has ended"
call --request DELETE "$CONTEXTS/$id"

say "and it is gone"
curl --silent ${ECTX_TOKEN:+--header "Authorization: Bearer $ECTX_TOKEN"} "$CONTEXTS/$id" | field code
