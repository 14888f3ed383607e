/** What those who connect may take up: all limits of both ports, with what they are unless told otherwise. */
import { checkMembers, InvalidArgumentError, type Members } from '@millrace/core'

/** Times are milliseconds. */
export interface ListenLimits {
  /** Connections to a port at the same time; a further one is closed. */
  readonly connectionsMax: number
  /** Bytes of the headers of a request. */
  readonly headerBytesMax: number
  /** Until all headers of a request are there. */
  readonly headersTimeoutMs: number
  /** Until all of a request is there, with its body. */
  readonly requestTimeoutMs: number
  /** How long a connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number
  /** How long somebody may take nothing of an answer that waits for him. */
  readonly stallTimeoutMs: number
  /** Until TLS has been agreed on. */
  readonly handshakeTimeoutMs: number
  /** Bytes of a message of gRPC, after decompression: 16 MiB hold a batch of 8 MiB of payloads with what stands around it. */
  readonly messageBytesMax: number
  /**
   * Bytes that a port holds altogether, of requests that have not come whole and of answers that are not taken: beyond
   * that those are cut off who have held some for longest, and so are those of one credential beyond a quarter of it. Bodies
   * of REST have as much for themselves.
   */
  readonly heldBytesMax: number
  /**
   * Connections from one address that may do harm in a second, and five times as many at once: beyond that new ones from
   * there are turned away, and those that are open go on. Harm is a request that is too long or never whole, an answer that
   * is never taken, what is no HTTP, calls taken back by the hundred, and a connection of gRPC without a call.
   */
  readonly harmPerSecond: number
  /**
   * Calls of one connection of gRPC that may be for nothing in a second, and five times as many at once: refused before they
   * were read, too long, or taken back as soon as they were made. Beyond that it is closed, and that is harm.
   */
  readonly wastedPerSecond: number
  /** Calls of gRPC at the same time on one connection. */
  readonly streamsMax: number
  /** A connection of gRPC on which nothing comes is asked so often whether it is still there, */
  readonly pingIntervalMs: number
  /** and is closed if it does not answer within this. */
  readonly pingTimeoutMs: number
  /** A connection of gRPC without a call is closed after this. */
  readonly idleTimeoutMs: number
  /** A connection of gRPC is asked to be made anew after this (10 % more or less), so that load spreads again, */
  readonly connectionAgeMs: number
  /** and is closed after this, whatever still runs on it. */
  readonly connectionGraceMs: number
}

export const LISTEN_LIMITS: ListenLimits = {
  connectionsMax: 10_000,
  headerBytesMax: 16_384,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 65_000, // a little more than what proxies have, so that it is they who close
  stallTimeoutMs: 30_000,
  handshakeTimeoutMs: 10_000,
  messageBytesMax: 16_777_216,
  heldBytesMax: 268_435_456,
  harmPerSecond: 10,
  wastedPerSecond: 20,
  streamsMax: 1_000,
  pingIntervalMs: 30_000,
  pingTimeoutMs: 10_000,
  idleTimeoutMs: 300_000,
  connectionAgeMs: 1_800_000,
  connectionGraceMs: 60_000,
}

/** The limits with what somebody said otherwise. @throws InvalidArgumentError */
export function listenLimits(given: Partial<ListenLimits> = {}): ListenLimits {
  const known = Object.fromEntries(Object.keys(LISTEN_LIMITS).map((name) => [name, true]))
  checkMembers(given, known as Members<ListenLimits>, 'limits')
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1 && value <= 2_147_483_647)) continue
    throw new InvalidArgumentError(`limits.${name} is ${String(value)}.`, {
      hint: 'Give a whole number, at least 1.',
    })
  }
  const said = Object.entries(given).filter(([, value]) => value !== undefined)
  return { ...LISTEN_LIMITS, ...(Object.fromEntries(said) as Partial<ListenLimits>) }
}

/** The part of the limits that a server of grpc-js is made with. */
export function grpcOptions(limits: ListenLimits = LISTEN_LIMITS): Readonly<Record<string, number>> {
  return {
    'grpc.max_receive_message_length': limits.messageBytesMax,
    'grpc.max_send_message_length': limits.messageBytesMax,
    'grpc.max_concurrent_streams': limits.streamsMax,
    'grpc.keepalive_time_ms': limits.pingIntervalMs,
    'grpc.keepalive_timeout_ms': limits.pingTimeoutMs,
    'grpc.max_connection_idle_ms': limits.idleTimeoutMs,
    'grpc.max_connection_age_ms': limits.connectionAgeMs,
    'grpc.max_connection_age_grace_ms': limits.connectionGraceMs,
    'grpc.enable_channelz': 0,
  }
}
