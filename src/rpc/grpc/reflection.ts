import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import type { Server, ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { file_google_rpc_error_details as details } from '../../gen/google/rpc/error_details_pb.js'

export const REFLECTION_PATHS = ['v1', 'v1alpha'].map(version => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`)

type Reflect = (stream: ServerDuplexStream<object, object>) => void

/** The library answers as fast as it is asked: here it is asked when the answer before is on its way. */
function addService (server: Server, definition: ServiceDefinition, { ServerReflectionInfo: reflect }: UntypedServiceImplementation): void {
  const inTurn: Reflect = stream => {
    const write = stream.write.bind(stream)
    stream.write = (answer: object) => {
      stream.pause()
      return write(answer, () => stream.resume())
    }
    ;(reflect as Reflect)(stream)
  }
  server.addService(definition, { ServerReflectionInfo: inTurn })
}

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
  const reflection = new ReflectionService({ all: { format: 'Protocol Buffer 3 DescriptorProto', type: {}, fileDescriptorProtos } })
  reflection.addToServer({ addService: (definition, implementation) => addService(server, definition, implementation) })
}
