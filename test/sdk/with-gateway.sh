#!/usr/bin/env bash
# with-gateway.sh COMMAND…: runs COMMAND beside a built gateway of its own, which has the caller's variables and is at ECTX_URL
# and, for gRPC, at ECTX_GRPC.
set -euo pipefail

work=$(mktemp -d)
ECTX_PORT=0 ECTX_GRPC_PORT=0 ECTX_DATA_DIR=$work/data ECTX_LOG_LEVEL=info node dist/src/main.js > "$work/log" &
gateway=$!
trap 'kill "$gateway" 2> /dev/null; wait "$gateway" || true; rm -rf "$work"' EXIT

until grep -q '"msg":"ready"' "$work/log"; do
  kill -0 "$gateway" 2> /dev/null || { cat "$work/log"; exit 1; }
  sleep 0.1
done

# ready NAME: the text of that name in the line that says so.
ready () {
  grep '"msg":"ready"' "$work/log" | grep -o "\"$1\":\"[^\"]*\"" | cut -d '"' -f 4
}
ECTX_URL=$(ready address)
ECTX_GRPC=$(ready grpc)
export ECTX_URL ECTX_GRPC
"$@"
