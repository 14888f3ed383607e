/** A service of gRPC from its descriptor. Messages stay bytes: whoever handles them reads and writes them. */
import type { DescMethod, DescService } from '@bufbuild/protobuf'
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js'

const asItIs = (bytes: Buffer): Buffer => bytes

/** The methods of a service, by their names in its descriptor: `Add`. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.name, methodDefinition(method)]))
}

/** One method of a service. */
export function methodDefinition(method: DescMethod): MethodDefinition<Buffer, Buffer> {
  const { parent, name, methodKind } = method
  return {
    path: pathOf(method),
    originalName: `${parent.name}.${name}`,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestSerialize: asItIs,
    requestDeserialize: asItIs,
    responseSerialize: asItIs,
    responseDeserialize: asItIs,
  }
}

/** Where a method is called: `/millrace.v1.StoreService/Add`. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`
}
