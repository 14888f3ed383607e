import { randomUUID } from 'node:crypto'
import { createClient } from '@redis/client'
import { startRedis } from './test/servers/redis.ts'
import { RedisStore } from './packages/redis/src/index.ts'
const session = randomUUID()
const nonce = () => randomUUID().replaceAll('-', '').slice(16)
await using redis = await startRedis()
const admin = await createClient({ url: redis.url }).connect()
const store = new RedisStore({ url: redis.url }); await store.open()
await store.openSession({ session, ttlMs: 3600000, host: 'h', pid: 1, queues: ['default'], types: ['bench'], offers: [], concurrency: 10, definitions: [] })
const N = 5000
async function run(label: string, f: () => Promise<unknown>) {
  await f(); await f()
  await admin.sendCommand(['CONFIG', 'RESETSTAT'])
  for (let i = 0; i < N; i++) await f()
  const info = String(await admin.sendCommand(['INFO', 'commandstats']))
  const m = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(info)!
  console.log(label, (Number(m[2]) / Number(m[1])).toFixed(1), 'µs')
}
await run('now', () => store.now())
const d = { types: ['bench'], offers: [], queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: 10 }], tasksMax: 10, bytesMax: 8e6, cursor: null } as any
await run('exchange, nothing', () => store.exchange({ session, nonce: nonce(), again: false, settlements: [], demand: null }))
await run('exchange, empty queue', () => store.exchange({ session, nonce: nonce(), again: false, settlements: [], demand: d }))
const NO: never[] = [], E = {}
const POLICY = { retry: { kind: 'exponential', attempts: 3, baseMs: 1000, maxMs: 300000 } } as const
const spec = () => ({ id: randomUUID(), idMadeBy: 'client', digest: '0123456789abcdef', type: 'bench', needs: NO, queue: 'default', level: 2, lane: null, due: { inMs: 0 }, held: false, payload: 'x'.repeat(190), policy: POLICY, timeoutMs: 900000, startByMs: null, deadlineMs: null, after: NO, unique: null, tags: NO, metadata: E, headers: E }) as any
await run('add one', () => store.add({ groups: [{ tasks: [spec()], under: null, gate: null }], again: false }))
await run('add one with tags', () => store.add({ groups: [{ tasks: [{ ...spec(), tags: ['a'] }], under: null, gate: null }], again: false }))
await run('claim one', () => store.exchange({ session, nonce: nonce(), again: false, settlements: [], demand: { ...d, tasksMax: 1 } }))
await store.close(); admin.destroy()
