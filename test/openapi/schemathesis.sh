#!/usr/bin/env bash
# For two minutes asks gateways what the document says can be asked, and what it says cannot. Whatever they answer must be in
# the document, with its status, type, headers and schema, and none may be the server's fault. The same requests each time,
# as many as there is time for.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet schemathesis==4.32.5

# Left out: that all is accepted which the schemas admit, since they cannot say that a page token must be one that was given; and
# that nothing is found of a context that was deleted, since its audit events are.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance
checks+=,negative_data_rejection,missing_required_header,unsupported_method,allow_header_conformance,ensure_resource_availability,ignored_auth

# What is wrong with a query may be that it is longer than headers may be: 431.
cat > "$work/schemathesis.toml" <<'TOML'
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "415", "422", "431"]
TOML

# ask SECONDS OPTION… Events come as pages: as streams they would not end.
cat > "$work/ask" <<ASK
seconds=\$1
shift
"$work/venv/bin/schemathesis" --config-file "$work/schemathesis.toml" run openapi/openapi.json --url "\$ECTX_URL" --checks $checks --max-time "\$seconds" --request-timeout 120 \
  --header 'Accept: application/json' --seed 8 --generation-deterministic --suppress-health-check all --warnings off --no-color "\$@"
ASK

echo 'a gateway without credentials'
bash test/sdk/with-gateway.sh bash "$work/ask" 50

export ECTX_TOKENS_FILE=$work/tokens.json
token=$(node dist/src/cli/token.js --name schemathesis --role operator 2> /dev/null)
echo 'a gateway with credentials, and with a token'
bash test/sdk/with-gateway.sh bash "$work/ask" 50 --header "Authorization: Bearer $token"
echo 'a gateway with credentials, and without a token'
bash test/sdk/with-gateway.sh bash "$work/ask" 20
