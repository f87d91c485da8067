#!/bin/sh
# Whoever does not know whether a create has arrived sends it again, with the same Idempotency-Key: it makes one context, however often.
. "$(dirname "$0")/common.sh"
run=run-$$

# create: prints the id of the context, whether this made it or it was there.
create () {
  call --header "Idempotency-Key: $run" --data "$(body "Example $run" "$run")" "$CONTEXTS" | field id
}

say "the first time"
first=$(create)
echo "$first"

say "and again, after a connection was lost"
second=$(create)
echo "$second"

[ "$first" = "$second" ]
say "it is the same: $first"
call --output /dev/null --request DELETE "$CONTEXTS/$first"
