#!/bin/sh
# Whoever does not know whether a create has arrived sends it again: a slug is there once. 409 says so, and by which context.
. "$(dirname "$0")/common.sh"
run=run-$$

# apply: prints the id of the context, whether this made it or it was there.
apply () {
  answer=$(call --data "$(body "Example $run" "$run")" "$CONTEXTS/apply") && { echo "$answer" | field id; return; }
  [ "$(echo "$answer" | field code)" = already_exists ] || { echo "$answer" >&2; return 1; }
  echo "$answer" | field existing_id
}

say "the first time"
first=$(apply)
echo "$first"

say "and again, after a connection was lost"
second=$(apply 2> /dev/null)
echo "$second"

[ "$first" = "$second" ]
say "it is the same: $first"
call --output /dev/null --request DELETE "$CONTEXTS/$first"
