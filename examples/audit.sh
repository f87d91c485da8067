#!/bin/sh
# Who did what to a context; its events stay when it is gone.
. "$(dirname "$0")/common.sh"
run=run-$$
id=$(call --data "$(body "Example $run" "$run")" "$CONTEXTS?view=redacted" | field id)
call --output /dev/null "$CONTEXTS/$id"
call --output /dev/null --request DELETE "$CONTEXTS/$id?view=redacted"

say "all that happened to $id"
call "$CONTEXTS/$id/audit" | tr '{' '\n' | sed -n 's/.*"event":"\([a-z_]*\)".*/\1/p'

say "and all of the execution"
call "$URL/audit-events?execution_id=$run"
