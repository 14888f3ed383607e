/** Calls of every method of every service that is there, as they should be and as they should not. */
import { readdirSync } from 'node:fs'
import { deflateSync, gzipSync } from 'node:zlib'
import { fromBinary, type DescFile, type DescMethod } from '@bufbuild/protobuf'
import {
  StoreService,
  WorkResponseSchema,
} from '../../packages/server/src/wire/generated/millrace/v1/store_pb.ts'
import { ASKERS, type Asker, type Front } from './front.ts'
import { framed, GrpcClient, type RawAnswer, type RawCall } from './grpc-client.ts'
import { Messages } from './messages.ts'
import type { Chance } from './chance.ts'
import type { Fate, Judge } from './judge.ts'

const GENERATED = new URL('../../packages/server/src/wire/generated/millrace/v1/', import.meta.url)

const OK = 0
const UNKNOWN = 2
const DEADLINE_EXCEEDED = 4
const UNIMPLEMENTED = 12
const INTERNAL = 13
const UNAVAILABLE = 14
const DATA_LOSS = 15
const CANCELLED = 1
const FAULTS: ReadonlySet<number> = new Set([UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS])
/** INTERNAL_ERROR. What is no HTTP/2 is answered with others, which blame the client. */
const FAULTY_RESET = 2

/** Whatever services the server has. */
export async function servedMethods(front: Front): Promise<readonly DescMethod[]> {
  const methods: DescMethod[] = []
  using client = new GrpcClient(front.grpcUrl)
  for (const name of readdirSync(GENERATED)) {
    const made = (await import(new URL(name, GENERATED).href)) as Readonly<Record<string, unknown>>
    const files = Object.entries(made).filter(([export_]) => export_.startsWith('file_'))
    for (const service of files.flatMap(([, file]) => (file as DescFile).services)) {
      const [first] = service.methods
      const headers = headersFor(first!, front.tokens.nobody)
      const probe = { headers, body: [framed(Buffer.alloc(0))], then: 'half-close' } as const
      const { status } = await client.call(probe)
      if (status !== UNIMPLEMENTED) methods.push(...service.methods)
    }
  }
  return methods
}

interface GrpcFuzz {
  readonly front: Front
  readonly judge: Judge
  readonly chance: Chance
  readonly methods: readonly DescMethod[]
}

/** @param label names the run, as each problem is to be found again */
export async function fuzzGrpc(fuzz: GrpcFuzz, requests: number, label: string): Promise<void> {
  const { front, judge, chance, methods } = fuzz
  using client = new GrpcClient(front.grpcUrl)
  const bender = new Calls(chance, front)
  const headers = headersFor(StoreService.method.now, front.tokens.admin)
  const now = { headers, body: [framed(Buffer.alloc(0))], then: 'half-close' } as const
  for (let count = 0; count < requests; count++) {
    const { method, asker, call } = bender.next(methods)
    const shown = `${label}, gRPC ${count}: ${method.name} as ${asker} ${JSON.stringify(call.headers).slice(0, 300)} ${Buffer.concat(
      call.body,
    )
      .subarray(0, 300)
      .toString('base64')}`
    try {
      const fate = fateOf(await client.call(call), method, call)
      // it may still be carried out: what is asked behind it comes behind it
      if (fate.kind === 'unknown') for (const one of [now, now]) await client.call(one)
      await judge.judge(shown, fate)
    } catch (error) {
      await judge.judge(shown, { kind: 'unknown', shown: 'silence', fault: String(error) })
    }
  }
  await judge.end(`${label}, the end of gRPC`)
}

function fateOf(answer: RawAnswer, method: DescMethod, { then }: RawCall): Fate {
  const { http, status, message, reset, data } = answer
  if (then === 'leave') return { kind: 'unknown', shown: 'left', fault: null }
  const shown = status === null ? `HTTP ${http}, reset ${reset}` : `status ${status}`
  const faulty =
    (http !== null && http >= 500) ||
    (status !== null && FAULTS.has(status)) ||
    (status === null && (http === null || http < 400) && (reset === null || reset === FAULTY_RESET))
  const fault = faulty ? `${shown} ${message}` : null
  if (status === DEADLINE_EXCEEDED || status === CANCELLED || faulty) return { kind: 'unknown', shown, fault }
  if (method.output === WorkResponseSchema) {
    const kinds = workAnswers(data)
    if (kinds.some((kind) => kind !== 'failure')) return { kind: 'accepted', shown, fault }
    if (kinds.length > 0) return { kind: 'refused', shown: 'failures on a stream', fault }
    return { kind: status === OK ? 'accepted' : 'refused', shown, fault }
  }
  return { kind: status === OK ? 'accepted' : 'refused', shown, fault }
}

function workAnswers(data: Buffer): readonly (string | undefined)[] {
  const kinds: (string | undefined)[] = []
  for (let at = 0; at + 5 <= data.length;) {
    const length = data.readUInt32BE(at + 1)
    kinds.push(fromBinary(WorkResponseSchema, data.subarray(at + 5, at + 5 + length)).answer.case)
    at += 5 + length
  }
  return kinds
}

function headersFor(method: DescMethod, token: string): Record<string, string | readonly string[]> {
  return {
    ':method': 'POST',
    ':path': `/${method.parent.typeName}/${method.name}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  }
}

const ODD_HEADERS: readonly Readonly<Record<string, string | readonly string[]>>[] = [
  { authorization: '' },
  { authorization: 'Bearer' },
  { authorization: `Bearer ${'x'.repeat(8_000)}` },
  { authorization: 'Basic YTpi' },
  { 'grpc-timeout': 'soon' },
  { 'grpc-timeout': '-1S' },
  { 'grpc-timeout': '1n' },
  { 'grpc-timeout': '0m' },
  { 'grpc-timeout': '99999999H' },
  { 'grpc-timeout': '999999999999H' },
  { 'grpc-encoding': 'br' },
  { 'grpc-encoding': 'identity' },
  { 'grpc-accept-encoding': 'x'.repeat(2_000) },
  { 'content-type': 'application/json' },
  { 'content-type': 'application/grpc+json' },
  { 'content-type': 'application/grpc-web' },
  { te: 'gzip' },
  { ':path': '/' },
  { ':path': '/millrace.v1.StoreService/' },
  { ':path': '/millrace.v1.StoreService/__proto__' },
  { ':path': '/millrace.v1.StoreService/constructor' },
  { ':path': '*' },
  { ':method': 'GET' },
  { ':method': 'PUT' },
  { 'trace-bin': '!!! no base64 !!!' },
  { 'trace-bin': ['AAAA', 'AAAA,AAAA'] },
  { traceparent: '00-zz-zz-zz' },
  { tracestate: '='.repeat(600) },
  Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'y'.repeat(40)])),
  { 'grpc-status': '13', 'grpc-message': 'INTERNAL' },
  { 'millrace-code': 'store-corrupt' },
]

class Calls {
  readonly #chance: Chance
  readonly #front: Front
  readonly #messages: Messages

  constructor(chance: Chance, front: Front) {
    this.#chance = chance
    this.#front = front
    this.#messages = new Messages(chance)
  }

  next(methods: readonly DescMethod[]): {
    readonly method: DescMethod
    readonly asker: Asker
    readonly call: RawCall
  } {
    const chance = this.#chance
    const method = chance.one(methods)
    const asker = chance.one(ASKERS)
    const headers = headersFor(method, this.#front.tokens[asker])
    const isMany = method.methodKind === 'bidi_streaming' || method.methodKind === 'client_streaming'
    const frames = Array.from({ length: isMany ? 1 + chance.below(5) : 1 }, () =>
      this.#frame(this.#messages.make(method.input), headers),
    )
    if (chance.once(40)) frames.push(frames[0]!)
    if (chance.once(40)) frames.pop()
    if (chance.once(12)) Object.assign(headers, chance.one(ODD_HEADERS))
    // a stream of answers that never ends by itself
    if (method.methodKind === 'server_streaming') headers['grpc-timeout'] = '20m'
    const then = chance.once(40) ? 'leave' : 'half-close'
    return { method, asker, call: { headers, body: frames, then } }
  }

  #frame(message: Buffer, headers: Record<string, string | readonly string[]>): Buffer {
    const chance = this.#chance
    if (!chance.once(12)) return framed(message)
    switch (chance.below(8)) {
      case 0:
        headers['grpc-encoding'] = 'gzip'
        return framed(gzipSync(message), { flag: 1 })
      case 1:
        headers['grpc-encoding'] = 'deflate'
        return framed(deflateSync(message), { flag: 1 })
      case 2:
        headers['grpc-encoding'] = chance.one(['gzip', 'deflate'])
        return framed(message, { flag: 1 })
      case 3:
        headers['grpc-encoding'] = 'gzip'
        return framed(gzipSync(message).subarray(0, -4), { flag: 1 })
      case 4:
        return framed(message, { flag: chance.one([1, 2, 255]) })
      case 5:
        return framed(message, { length: message.length + 1 + chance.below(100) })
      case 6:
        return framed(message, { length: chance.one([0xffffffff, 0x7fffffff, 20_000_000]) })
      default:
        return framed(message, { length: chance.below(message.length + 1) })
    }
  }
}
