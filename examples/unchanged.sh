#!/bin/sh
# A context never changes: who has its ETag is told so in a few bytes.
. "$(dirname "$0")/common.sh"
run=run-$$
id=$(call --data "$(body "Example $run" "$run")" "$CONTEXTS" | field id)

say "without the values of its secrets"
etag=$(call --dump-header - --output /dev/null "$CONTEXTS/$id?view=redacted" | tr -d '\r' | sed -n 's/^etag: //p')
call "$CONTEXTS/$id?view=redacted"
echo
echo "ETag: $etag"

say "has it changed?"
call --header "If-None-Match: $etag" --output /dev/null --write-out '%{http_code}\n' "$CONTEXTS/$id?view=redacted"

call --output /dev/null --request DELETE "$CONTEXTS/$id"
