import { randomUUID } from 'node:crypto'
import { createClient } from '@redis/client'
import { startRedis } from './test/servers/redis.ts'
import { RedisStore } from './packages/redis/src/index.ts'
import * as scripts from './packages/redis/src/lua/scripts.ts'
import { Home } from './packages/redis/src/home.ts'
import { Link } from './packages/redis/src/link.ts'
import { lookUp, partsOf, packAdd } from './packages/redis/src/adding.ts'

const COUNT = Number(process.argv[3] ?? 60000)
const POLICY = { retry: { kind: 'exponential', attempts: 3, baseMs: 1000, maxMs: 300000 } } as const
const pay = (n: number) => JSON.stringify({ n, at: Date.now(), customer: randomUUID(), email: 'ada.lovelace@example.com', path: '/var/lib/data/customers/2026/11/invoice-' + n + '.pdf', tags: ['a', 'bb', 'ccc'] })
const TYPES = ['bench'], NO: never[] = [], E = {}
const spec = (n: number) => ({ id: randomUUID(), idMadeBy: 'client', digest: randomUUID().replaceAll('-','').slice(16), type: 'bench', needs: NO, queue: 'default', level: 2, lane: null, due: { inMs: 0 }, held: false, payload: pay(n), policy: POLICY, timeoutMs: 900000, startByMs: null, deadlineMs: null, after: NO, unique: null, tags: NO, metadata: E, headers: E }) as any
const nonce = () => randomUUID().replaceAll('-', '').slice(16)
const session = randomUUID()
const sreq = { session, ttlMs: 3600000, host: 'h', pid: 1, queues: ['default'], types: TYPES, offers: [], concurrency: 10, definitions: [] }
async function two(n: number, f: (i: number) => Promise<unknown>) { let i = 0; const line = async () => { while (i < n) await f(i++) }; await Promise.all([line(), line()]) }
const cpu0 = () => process.cpuUsage()
const us = (c: NodeJS.CpuUsage) => { const d = process.cpuUsage(c); return (d.user + d.system) / COUNT }

await using redis = await startRedis()
const admin = await createClient({ url: redis.url }).connect()
async function stat(label: string) {
  const info = String(await admin.sendCommand(['INFO', 'commandstats']))
  const m = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(info)
  await admin.sendCommand(['CONFIG', 'RESETSTAT'])
  return m ? `redis ${(Number(m[2]) / COUNT).toFixed(2)} µs/task` : ''
}
for (const size of (process.argv[2] ?? '100,500').split(',').map(Number)) {
  for (let round = 0; round < 3; round++) {
    await admin.sendCommand(['FLUSHALL'])
    const batches = Array.from({ length: COUNT / size }, (_, b) => Array.from({ length: size }, (_, i) => ({ tasks: [spec(b * size + i)], under: null, gate: null })))
    const store = new RedisStore({ url: redis.url }); await store.open(); await store.openSession(sreq)
    await stat('')
    let c = cpu0(), t = performance.now()
    await two(batches.length, (i) => store.add({ groups: batches[i]!, again: false }))
    const add = performance.now() - t, addCpu = us(c), addStat = await stat('add')
    const mem = /used_memory:(\d+)/.exec(String(await admin.sendCommand(['INFO', 'memory'])))![1]
    c = cpu0(); t = performance.now(); let got = 0
    await two(2, async () => {
      let claims: any = []
      do {
        const settlements = claims.map((x: any) => ({ fence: { task: x.id, epoch: x.epoch, nonce: x.nonce }, seq: 1, transition: { to: 'succeeded', result: null }, notes: null }))
        const a = await store.exchange({ session, nonce: nonce(), again: false, settlements, demand: { types: TYPES, offers: NO, queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax: size }], tasksMax: size, bytesMax: 8e6, cursor: null } } as any)
        if (a.verdicts.some((v) => v !== 'applied')) throw new Error('stale')
        claims = a.claims; got += claims.length
      } while (claims.length)
    })
    const ex = performance.now() - t, exCpu = us(c), exStat = await stat('ex')
    if (got !== COUNT) throw new Error('lost ' + got)
    await store.close()
    const k = (ms: number) => Math.round(COUNT / ms * 1000)
    console.log(`port ${size}: add ${k(add)}/s (cpu ${addCpu.toFixed(2)} µs, ${addStat}) exchange ${k(ex)}/s (cpu ${exCpu.toFixed(2)}, ${exStat}) life ${k(add + ex)}/s  ${(Number(mem) / COUNT).toFixed(0)} B/task, payload ${batches[0]![0]!.tasks[0].payload.length}`)
    // bare: the same scripts with requests packed beforehand, answers not read
    await admin.sendCommand(['FLUSHALL'])
    const store2 = new RedisStore({ url: redis.url }); await store2.open(); await store2.openSession(sreq)
    const link = new Link({ url: redis.url, place: 'x', timeoutMs: 10000 }); await link.open()
    const home = new Home({ link, place: 'x', namespace: 'default', migrate: true }); await home.open()
    const packed: Buffer[] = []
    for (const groups of batches) { const r = { groups, again: false }; lookUp(r as any, home.names); while (!home.names.complete) { await home.names.learn(home); lookUp(r as any, home.names) } packed.push(Buffer.from(packAdd(home.packer, partsOf(r as any, home.names), home.names))) }
    await stat('')
    t = performance.now()
    await two(packed.length, (i) => home.run(scripts.add, packed[i]!))
    const badd = performance.now() - t; const bAddStat = await stat('')
    // bare exchange: builds settlements from raw ids only
    const route = Buffer.from([0, 0, 1])
    const sbytes = Buffer.from(session.replaceAll('-', ''), 'hex')
    t = performance.now(); got = 0
    await two(2, async () => {
      let claims: Buffer[] = []; let last = Buffer.alloc(8)
      do {
        const n = Buffer.from(nonce(), 'hex')
        const p = home.packer.array(6).bytes(sbytes).bytes(n).int(0).int(1).array(claims.length * 2)
        const tail = Buffer.concat([Buffer.from([0, 0, 0, 1]), last, Buffer.from([0, 0, 0, 1])])
        for (let i = 0; i < claims.length; i += 2) p.bytes(claims[i]!).bytes(tail).int(0).bytes(Buffer.alloc(0))
        p.array(4).array(1).bytes(route).array(1).array(3).bytes(route).array(5).int(0).int(0).int(0).int(0).int(0).int(size).int(size).int(8e6)
        const r = await home.run(scripts.exchange, p.done()) as any
        claims = r[4]; last = n; got += claims.length / 2
      } while (claims.length)
    })
    const bex = performance.now() - t; const bExStat = await stat('')
    if (got !== COUNT) throw new Error('bare lost ' + got)
    await store2.close(); link.close()
    console.log(`bare ${size}: add ${k(badd)}/s (${bAddStat}) exchange ${k(bex)}/s (${bExStat}) life ${k(badd + bex)}/s   port/bare add ${(badd / add).toFixed(2)} exchange ${(bex / ex).toFixed(2)} life ${((badd + bex) / (add + ex)).toFixed(2)}`)
  }
}
admin.destroy()
