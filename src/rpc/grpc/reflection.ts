import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Server } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { file_google_rpc_error_details as details } from '../../gen/google/rpc/error_details_pb.js'

export const REFLECTION_PATHS = ['v1', 'v1alpha'].map(version => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`)

/** Tells clients such as grpcurl of `services`, and of what failures are told with. */
export function serveReflection (server: Server, services: readonly DescService[]): void {
  const files = new Set<DescFile>()
  const add = (file: DescFile): void => {
    if (files.has(file)) return
    files.add(file)
    file.dependencies.forEach(add)
  }
  for (const file of [...services.map(({ file }) => file), details]) add(file)
  const fileDescriptorProtos = [...files].map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto)))
  // It takes what a loader has made of files, and reads the files themselves.
  new ReflectionService({ all: { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos } }).addToServer(server)
}
