#!/usr/bin/env bash
# Makes a client with openapi-python-client, and checks and runs a program that uses it on the gateway at ECTX_URL.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet openapi-python-client==0.29.1 mypy==2.3.1
echo 'post_hooks: []' > "$work/config.yaml"
"$work/venv/bin/openapi-python-client" generate --config "$work/config.yaml" --path openapi/openapi.json --output-path "$work/sdk" --meta none
cp test/sdk/programs/openapi-python-client.py "$work/program.py"
cd "$work"
venv/bin/mypy --strict --follow-imports silent program.py
venv/bin/python -W error program.py
