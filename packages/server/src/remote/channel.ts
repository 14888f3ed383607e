/** One connection to a server, and calls over it that stand for themselves. */
import {
  Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
} from '@grpc/grpc-js'
import { codecOf, type Codec } from '../wire/codec.ts'
import { methodDefinition, pathOf } from '../grpc/definition.ts'
import { callError, strangeError } from './errors.ts'
import type { DescMethod } from '@bufbuild/protobuf'
import type { RemoteAddress } from './address.ts'

/** No call takes longer, as the port has it. */
export const CALL_MS = 10_000

const REQUEST_BYTES = 16 * 1_048_576
const ANSWER_BYTES = 64 * 1_048_576
const KEEPALIVE_MS = 10_000
const KEEPALIVE_TIMEOUT_MS = 5_000
const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 2_000

export class Channel {
  readonly place: string
  readonly #client: Client
  readonly #metadata = new Metadata()
  /** Gives up what is under way. */
  readonly #underWay = new Set<() => void>()

  constructor(address: RemoteAddress) {
    this.place = address.place
    if (address.token !== null) this.#metadata.set('authorization', `Bearer ${address.token}`)
    this.#client = new Client(address.target, credentialsOf(address), {
      'grpc.max_receive_message_length': ANSWER_BYTES,
      'grpc.max_send_message_length': REQUEST_BYTES,
      'grpc.keepalive_time_ms': KEEPALIVE_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.initial_reconnect_backoff_ms': BACKOFF_FIRST_MS,
      'grpc.max_reconnect_backoff_ms': BACKOFF_MAX_MS,
      // a connection of its own, so that giving it up is giving it up
      'grpc.use_local_subchannel_pool': 1,
      'grpc.service_config_disable_resolution': 1,
      ...(address.isSecure ? {} : { 'grpc.enable_http_proxy': 0 }),
      ...(address.servername === null ? {} : { 'grpc.ssl_target_name_override': address.servername }),
    })
  }

  /**
   * One request, one answer, in their plain form.
   *
   * @throws what the server answered; StoreError
   */
  async ask(method: DescMethod, request: object): Promise<object> {
    const bytes = codecOf<object>(method.input).encode(request)
    const answers: Codec<object> = codecOf(method.output)
    const answer = Promise.withResolvers<Buffer>()
    const { path, requestSerialize, responseDeserialize } = methodDefinition(method)
    const options = { deadline: Date.now() + CALL_MS }
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      bytes,
      this.#metadata,
      options,
      (error, response) => {
        if (error !== null) answer.reject(callError(error, this.place))
        else answer.resolve(response!)
      },
    )
    const giveUp = (): void => call.cancel()
    this.#underWay.add(giveUp)
    try {
      return this.#read(answers, await answer.promise)
    } finally {
      this.#underWay.delete(giveUp)
    }
  }

  #read(answers: Codec<object>, bytes: Buffer): object {
    try {
      return answers.decode(bytes)
    } catch (error) {
      throw strangeError(this.place, String(error))
    }
  }

  /** A stream in both directions. */
  duplex(method: DescMethod): ClientDuplexStream<Buffer, Buffer> {
    const { requestSerialize, responseDeserialize } = methodDefinition(method)
    return this.#client.makeBidiStreamRequest(
      pathOf(method),
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    )
  }

  /** A stream of answers to a request that says nothing. */
  readable(method: DescMethod): ClientReadableStream<Buffer> {
    const { requestSerialize, responseDeserialize } = methodDefinition(method)
    return this.#client.makeServerStreamRequest(
      pathOf(method),
      requestSerialize,
      responseDeserialize,
      Buffer.alloc(0),
      this.#metadata,
    )
  }

  /** What is under way ends without an answer. */
  close(): void {
    for (const giveUp of this.#underWay) giveUp()
    this.#client.close()
  }
}

function credentialsOf({ isSecure, ca, pair }: RemoteAddress): ChannelCredentials {
  if (!isSecure) return credentials.createInsecure()
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text))
  return credentials.createSsl(pem(ca ?? undefined), pem(pair?.key), pem(pair?.cert))
}
