/** Calls of gRPC that hold bytes: grpc-js collects messages before anybody knows whose they are, and keeps answers until they are taken. */
import { constants, type ServerHttp2Stream } from 'node:http2'
import type { HeldBytes } from '../listen/held-bytes.ts'
import type { BareCall } from './guarded.ts'

/** Bounds what all calls hold together. */
export function boundHeld(call: BareCall, held: HeldBytes): void {
  // grpc-js tells of a message when it is whole only: what of it has come is seen at the stream that the call is on
  const { stream } = call as unknown as { readonly stream: ServerHttp2Stream }
  const cutOff = (): void => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
  const coming = held.hold(cutOff)
  const going = held.hold(cutOff)
  stream.on('data', (bytes: Buffer) => coming.add(bytes.length))
  stream.once('close', () => {
    coming.clear()
    going.clear()
  })
  const start = call.start.bind(call)
  call.start = (listener) => {
    const hear = listener.onReceiveMessage.bind(listener)
    listener.onReceiveMessage = (message: unknown) => {
      coming.clear()
      hear(message)
    }
    start(listener)
  }
  const send = call.sendMessage.bind(call)
  call.sendMessage = (message: Buffer, sent) => {
    going.add(message.length)
    send(message, () => {
      going.release(message.length)
      sent()
    })
  }
}
