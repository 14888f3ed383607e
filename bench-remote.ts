import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { defineTask, Mill, unchecked } from '@millrace/core'
import { SqliteStore } from '@millrace/sqlite'
import { RemoteStore } from '@millrace/server/remote'
const noop = defineTask('noop', { input: unchecked<{ n: number }>(), output: unchecked<number>() })
const N = 10_000
async function measure(name: string, mill: Mill) {
  for (let round = 0; round < 3; round++) {
    const drafts = Array.from({ length: N }, (_, n) => noop.with({ n }))
    let t = performance.now()
    await mill.enqueueMany(drafts)
    const enq = performance.now() - t
    let done = 0
    const all = Promise.withResolvers<void>()
    const worker = mill.worker({ handlers: [noop.handler(({ n }) => { if (++done === N) all.resolve(); return n })], concurrency: 100 })
    t = performance.now()
    await worker.start(); await all.promise; await worker.stop()
    const drain = performance.now() - t
    // single enqueues at 100 at a time
    t = performance.now()
    await Promise.all(Array.from({ length: 2000 }, (_, n) => mill.enqueue(noop, { n }, { delay: '1h' })))
    const singles = performance.now() - t
    t = performance.now()
    for (let n = 0; n < 300; n++) await mill.enqueue(noop, { n }, { delay: '1h' })
    const one = (performance.now() - t) / 300
    console.log(name, `enqueueMany ${Math.round(N / enq * 1000)}/s  drain ${Math.round(N / drain * 1000)}/s  2000 concurrent ${Math.round(2000/singles*1000)}/s  one by one ${one.toFixed(2)} ms`)
  }
  await mill.close()
}
const folder = mkdtempSync('/tmp/s9-h1-bench-')
const which = process.argv[2] ?? 'both'
if (which !== 'remote') await measure('direct', new Mill(new SqliteStore({ path: `${folder}/a.db` })))
if (which !== 'direct') {
const child = fork('packages/server/test/server-process.ts', [`${folder}/b.db`], { execArgv: ['-C', '@millrace/source', ...(process.env['PROF'] ? ['--cpu-prof', '--cpu-prof-dir=/tmp/s9-h1-prof'] : [])] })
const [port] = await once(child, 'message')
await measure('remote', new Mill(new RemoteStore({ url: `http://127.0.0.1:${port}`, token: 'admin-token' })))
child.disconnect(); child.kill('SIGINT')
}
