#!/usr/bin/env bash
# Makes a client with orval, compiles a program that uses it under --strict, and runs that on the gateway at ECTX_URL.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --silent --no-save --ignore-scripts --prefix "$work/orval" orval@7.21.0
"$work/orval/node_modules/.bin/orval" --input openapi/openapi.json --output "$work/sdk.ts" --client fetch

echo '{ "type": "module" }' > "$work/package.json"
cp test/sdk/programs/orval.ts "$work/program.ts"
ln -s "$PWD/node_modules" "$work/node_modules"
node node_modules/typescript/bin/tsc --ignoreConfig --strict --skipLibCheck --module nodenext --target es2023 --types node --outDir "$work/built" "$work/program.ts"
cp "$work/package.json" "$work/built"
node "$work/built/program.js"
