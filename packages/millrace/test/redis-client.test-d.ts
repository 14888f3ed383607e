// Which clients of the user's Redis takes, with the types of the real libraries.
import { createClient, createClientPool, createCluster } from '@redis/client'
import { Cluster, Redis } from 'ioredis'
import { expectTypeOf } from 'vitest'
import { connect, createMill, type Mill } from '../src/index.ts'
import { redis } from '../src/redis.ts'

expectTypeOf(connect(redis(createClient()))).toEqualTypeOf<Promise<Mill>>()
expectTypeOf(connect(redis(createClient({ RESP: 2 })), { namespace: 'app' })).toEqualTypeOf<Promise<Mill>>()
expectTypeOf(createMill(redis(createCluster({ rootNodes: [] })))).toEqualTypeOf<Mill>()
expectTypeOf(createMill(redis(new Redis({ lazyConnect: true })))).toEqualTypeOf<Mill>()
expectTypeOf(createMill(redis(new Cluster([], { lazyConnect: true })))).toEqualTypeOf<Mill>()
expectTypeOf(createMill(redis({ url: 'redis://localhost', unsafe: true }))).toEqualTypeOf<Mill>()
expectTypeOf(createMill(redis({ client: createClient(), timeoutMs: 1_000 }))).toEqualTypeOf<Mill>()

// @ts-expect-error a pool keeps no order of calls, and does not listen
redis(createClientPool())
// the URL is for what cannot use the client
expectTypeOf(createMill(redis({ url: 'redis://localhost', client: createClient() }))).toEqualTypeOf<Mill>()
// @ts-expect-error no transactions of the user's
void createMill(redis(createClient())).within
