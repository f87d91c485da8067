// `npm run proto`: generates src/gen/ from schemas/proto/ with pinned tools. With `--go FOLDER` it generates Go there instead: the
// packages of `ectx/gen`.
// buf needs the source of buf/validate/validate.proto, which npm carries only as a descriptor, so it is printed
// from that descriptor. Just the names, numbers and types matter here: in TypeScript the generated code imports the real package.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type } from '@bufbuild/protobuf/wkt'
import { file_buf_validate_validate as validate } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js'

const BUF = '@bufbuild/buf@1.75.0'
const PROTOC_GEN_ES = '@bufbuild/protoc-gen-es@2.13.0'
const PROTOC_GEN_GO = 'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12'
const PROTOC_GEN_GO_GRPC = 'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2'

const block = (head, ...groups) => `${head} {\n${groups.flat().join('\n')}\n}`
const printField = ({ label, type, typeName, name, number }) =>
  `${label === Label.REPEATED ? 'repeated' : 'optional'} ${typeName || Type[type].toLowerCase()} ${name} = ${number};`
const printEnum = ({ name, value }) => block(`enum ${name}`, value.map(({ name, number }) => `${name} = ${number};`))
const printMessage = ({ name, enumType, nestedType, field, extensionRange }) => block(
  `message ${name}`,
  enumType.map(printEnum),
  nestedType.map(printMessage),
  field.map(printField),
  extensionRange.map(({ start, end }) => `extensions ${start} to ${end > 536_870_911 ? 'max' : end - 1};`)
)

function printFile ({ package: name, dependency, enumType, messageType, extension }) {
  return [
    'syntax = "proto2";',
    `package ${name};`,
    ...dependency.map(path => `import "${path}";`),
    ...enumType.map(printEnum),
    ...messageType.map(printMessage),
    ...extension.map(field => block(`extend ${field.extendee}`, [printField(field)]))
  ].join('\n')
}

const inTypeScript = () => ({
  clean: true,
  inputs: [{ directory: 'ours' }],
  plugins: [{
    local: 'protoc-gen-es',
    out: resolve('src/gen'),
    opt: ['target=ts', 'import_extension=js', 'rewrite_imports=./buf/validate/validate_pb.js:@bufbuild/protovalidate/gen']
  }]
})

const inGo = folder => ({
  // gRPC for Go brings its own of these, and a program that has both stops.
  inputs: [{ directory: 'ours', exclude_paths: ['ours/google', 'ours/grpc'] }],
  managed: { enabled: true, override: [{ file_option: 'go_package_prefix', value: 'ectx/gen' }] },
  plugins: [PROTOC_GEN_GO, PROTOC_GEN_GO_GRPC].map(plugin => ({
    local: ['go', 'run', plugin], out: resolve(folder), opt: 'paths=source_relative', include_imports: true, strategy: 'all'
  }))
})

const { values: { go } } = parseArgs({ options: { go: { type: 'string' } } })
const workspace = mkdtempSync(join(tmpdir(), 'ectx-proto-'))
try {
  cpSync('schemas/proto', join(workspace, 'ours'), { recursive: true })
  mkdirSync(join(workspace, 'theirs/buf/validate'), { recursive: true })
  writeFileSync(join(workspace, 'theirs/buf/validate/validate.proto'), printFile(validate.proto))
  writeFileSync(join(workspace, 'buf.yaml'), JSON.stringify({ version: 'v2', modules: [{ path: 'ours' }, { path: 'theirs' }] }))
  const template = { version: 'v2', ...(go === undefined ? inTypeScript() : inGo(go)) }
  writeFileSync(join(workspace, 'buf.gen.yaml'), JSON.stringify(template))
  const packages = [BUF, PROTOC_GEN_ES].map(name => `--package=${name}`)
  execFileSync('npx', ['--yes', ...packages, 'buf', 'generate'], { cwd: workspace, stdio: 'inherit' })
} finally {
  rmSync(workspace, { recursive: true })
}
