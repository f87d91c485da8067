#!/usr/bin/env bash
# Makes a client with oapi-codegen, and compiles and runs a program that uses it on the gateway at ECTX_URL.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp test/sdk/oapi-codegen/* "$work"
mkdir "$work/sdk"
go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -generate types,client -package sdk -o "$work/sdk/sdk.go" openapi/openapi.json
cd "$work"
go vet ./...
go run .
