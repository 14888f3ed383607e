/** Reflection: what is served is told to tools like grpcurl, so that they need no files. */
import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { ReflectionService } from '@grpc/reflection'
import { CallRecord, type RecordParts } from './call-record.ts'
import type {
  Server,
  ServerDuplexStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

export function addReflection(server: Server, services: readonly DescService[], parts: RecordParts): void {
  const files = new Map<string, DescFile>()
  const add = (file: DescFile): void => {
    if (files.has(file.proto.name)) return
    files.set(file.proto.name, file)
    for (const other of file.dependencies) add(other)
  }
  for (const { file } of services) add(file)
  const fileDescriptorProtos = [...files.values()].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  )
  // all that is looked at of a package are the files of its types
  const format = 'Protocol Buffer 3 DescriptorProto'
  const names = services.map(({ typeName }) => typeName)
  new ReflectionService(
    { files: { format, type: {}, fileDescriptorProtos } as never },
    { services: names },
  ).addToServer(recording(server, parts) as Server)
}

/** A server that has what it is given recorded: the service is made elsewhere, and all that it has are streams. */
function recording(server: Server, parts: RecordParts): Pick<Server, 'addService'> {
  return {
    addService(definition: ServiceDefinition, given: UntypedServiceImplementation) {
      const implementation = Object.entries(given).map(([name, handle]) => {
        const { path } = definition[name]!
        const recorded = (call: ServerDuplexStream<unknown, unknown>): void => {
          const record = new CallRecord(parts, { path, isStream: true })
          call.on('cancelled', () => record.abandoned())
          call.on('finish', () => record.ended(null))
          ;(handle as (of: typeof call) => void)(call)
        }
        return [name, recorded] as const
      })
      server.addService(definition, Object.fromEntries(implementation))
    },
  }
}
