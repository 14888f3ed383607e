/**
 * Clients that users bring, known by what they can do: node-redis (`createClient`, `createCluster`) and ioredis
 * (`Redis`, `Cluster`). They come back by themselves, and are never closed.
 */
import type { Ear, Listen } from './line.ts'

type Arg = string | Buffer

/** A client or a cluster of node-redis 5 or newer, opened. */
export interface NodeRedisClient {
  readonly isOpen: boolean
  readonly isReady: boolean
}

/** `Redis` or `Cluster` of ioredis 5 or newer. */
export interface IoredisClient {
  readonly isCluster: boolean
  readonly status: string
  callBuffer(command: string, args: Arg[]): Promise<unknown>
}

/** A client of your own: what `redis()` of millrace/redis takes. */
export type RedisClient = NodeRedisClient | IoredisClient

/** What is asked of any of them. */
export interface Guest {
  /** `ready`: a command leaves at once. `closed`: it does not connect again by itself. */
  state(): 'ready' | 'connecting' | 'closed'
  /** Replies have bytes where Redis sends strings. */
  send(args: readonly Arg[]): Promise<unknown>
  readonly listen: Listen
  /** Hears when it comes to a server, be it the same again or another one; answers how to end that. */
  arrivals(listener: () => void): () => void
}

/** What all of them have of Node's EventEmitter. */
interface Emitter {
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
}

function arrivalsOf(client: Emitter, ...events: readonly string[]): Guest['arrivals'] {
  return (listener) => {
    for (const event of events) client.on(event, listener)
    return () => {
      for (const event of events) client.off(event, listener)
    }
  }
}

interface NodeRedis extends NodeRedisClient {
  sendCommand(args: readonly Arg[], options: object): Promise<unknown>
  duplicate(): NodeRedis
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (word: string) => void): Promise<unknown>
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
  unref(): void
  destroy(): void
}

interface NodeRedisCluster extends NodeRedisClient, Emitter {
  sendCommand(key: string, readOnly: boolean, args: readonly Arg[], options: object): Promise<unknown>
  subscribe(channel: string, listener: (word: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (word: string) => void): Promise<unknown>
}

type Heard = (channel: string, word: string) => void

interface Ioredis extends IoredisClient, Emitter {
  duplicate(): Ioredis
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: Heard): unknown
  on(event: 'ready' | 'connect' | 'error', listener: () => void): unknown
  off(event: 'message', listener: Heard): unknown
  disconnect(): void
  readonly stream?: { unref(): void }
}

/** Byte strings as bytes; everything else as the driver has it from the start. */
const AS_BYTES = { typeMapping: { ['$'.charCodeAt(0)]: Buffer } }

/** Which keys a client puts something in front of: scripts would not find them. */
function prefixed(client: object): boolean {
  const { options } = client as {
    readonly options?: {
      readonly keyPrefix?: unknown
      readonly redisOptions?: { readonly keyPrefix?: unknown }
    }
  }
  return Boolean(options?.keyPrefix ?? options?.redisOptions?.keyPrefix)
}

/**
 * What the client can do; a text says why it cannot be used.
 *
 * @param key one of the keys of the home: where it is, a cluster sends everything
 */
export function guestOf(client: RedisClient, key: string): Guest | string {
  if (typeof client !== 'object' || client === null) return 'is no client'
  if (prefixed(client))
    return 'puts something in front of keys (keyPrefix), which scripts would not find then'
  if (has(client, 'callBuffer')) return ioredis(client as Ioredis)
  if (!has(client, 'sendCommand') || !has(client, 'subscribe')) return 'is no client of node-redis or ioredis'
  if (has(client, 'nodeClient')) return nodeRedisCluster(client as NodeRedisCluster, key)
  return nodeRedis(client as NodeRedis)
}

function has(client: object, method: string): boolean {
  return typeof (client as Readonly<Record<string, unknown>>)[method] === 'function'
}

function nodeRedis(client: NodeRedis): Guest {
  return {
    state: () => (client.isReady ? 'ready' : client.isOpen ? 'connecting' : 'closed'),
    send: (args) => client.sendCommand(args, AS_BYTES),
    arrivals: arrivalsOf(client, 'ready'),
    listen(channel, ear) {
      const own = client.duplicate()
      own.on('error', () => undefined) // it connects again by itself
      own.on('ready', () => ear.began())
      const begin = async (): Promise<void> => {
        await own.connect()
        own.unref()
        await own.subscribe(channel, (word) => ear.heard(word))
        ear.began()
      }
      begin().catch(() => undefined) // it was closed before it began
      return () => {
        if (own.isOpen) own.destroy()
      }
    },
  }
}

/** It keeps a connection for subscriptions by itself, and moves them when a node goes. */
function nodeRedisCluster(client: NodeRedisCluster, key: string): Guest {
  return {
    // how its nodes are is found out by asking them
    state: () => (client.isOpen ? 'ready' : 'closed'),
    send: (args) => client.sendCommand(key, false, args, AS_BYTES),
    arrivals: arrivalsOf(client, 'node-ready'),
    listen: (channel, ear) => {
      const heard = (word: string): void => ear.heard(word)
      return subscribed(
        () => client.subscribe(channel, heard),
        () => client.unsubscribe(channel, heard),
        ear,
      )
    },
  }
}

const CLOSED: ReadonlySet<string> = new Set(['end', 'disconnecting'])

function ioredis(client: Ioredis): Guest {
  return {
    state: () => (client.status === 'ready' ? 'ready' : CLOSED.has(client.status) ? 'closed' : 'connecting'),
    send: ([command, ...args]) => client.callBuffer(String(command), args),
    arrivals: client.isCluster
      ? arrivalsOf(client, 'ready', '+node', 'refresh')
      : arrivalsOf(client, 'ready'),
    listen: (channel, ear) => (client.isCluster ? hearCluster : hearAlone)(client, channel, ear),
  }
}

function hearAlone(client: Ioredis, channel: string, ear: Ear): () => void {
  const own = client.duplicate()
  own.on('error', () => undefined) // it connects again by itself
  own.on('connect', () => own.stream?.unref())
  own.on('message', (_, word) => ear.heard(word))
  own.on('ready', () => {
    own.subscribe(channel).then(
      () => ear.began(),
      () => undefined, // the connection is lost, and the next one will be ready, too
    )
  })
  return () => own.disconnect()
}

/** It keeps a connection for subscriptions by itself, and moves them when a node goes. */
function hearCluster(client: Ioredis, channel: string, ear: Ear): () => void {
  const heard: Heard = (of, word) => void (of === channel && ear.heard(word))
  client.on('message', heard)
  const end = subscribed(
    () => client.subscribe(channel),
    () => client.unsubscribe(channel),
    ear,
  )
  return () => {
    client.off('message', heard)
    end()
  }
}

const SUBSCRIBE_AGAIN_MS = 1_000

/** Subscribes until it succeeds or is not wanted any more; ends what it began. */
function subscribed(
  subscribe: () => Promise<unknown>,
  unsubscribe: () => Promise<unknown>,
  ear: Ear,
): () => void {
  let wanted = true
  let again: NodeJS.Timeout | undefined
  const begin = (): void => {
    subscribe().then(
      () => (wanted ? ear.began() : end()),
      () => {
        if (wanted) again = setTimeout(begin, SUBSCRIBE_AGAIN_MS).unref()
      },
    )
  }
  const end = (): void => void unsubscribe().catch(() => undefined) // a client that is closed hears nothing anyway
  begin()
  return () => {
    clearTimeout(again)
    wanted = false
    end()
  }
}
