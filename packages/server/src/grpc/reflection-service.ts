/** Reflection: what is served is told to tools like grpcurl, so that they need no files. */
import { toBinary, type DescFile, type DescService } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { ReflectionService } from '@grpc/reflection'
import type { Server } from '@grpc/grpc-js'

export function addReflection(server: Server, services: readonly DescService[]): void {
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
  ).addToServer(server)
}
