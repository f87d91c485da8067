#!/usr/bin/env bash
# Makes clients with protoc-gen-go and protoc-gen-go-grpc, and compiles and runs a program that uses them on the gateway at ECTX_GRPC.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp test/sdk/grpc-go/* "$work"
node scripts/generate-protos.js --go "$work/gen"
cd "$work"
go vet ./...
go run .
