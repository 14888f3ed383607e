import { startPostgres } from './test/servers/postgres.ts'
import { PostgresStore } from './packages/postgres/src/index.ts'
import { groups, session, demand, exchange, succeeded } from './packages/sqlite/test/specs.ts'
await using pg = await startPostgres()
const t0 = performance.now()
let last = t0
const lap = (what: string) => { const n = performance.now(); console.log(what.padEnd(24), (n - last).toFixed(1)); last = n }
for (let i = 0; i < 2; i++) {
  const store = new PostgresStore({ url: pg.url })
  await store.open(); lap('open')
  const s = session(); await store.openSession(s); lap('openSession')
  for (let k = 0; k < 3; k++) {
  const gs = groups(1)
  await store.add({ groups: gs, again: false }); lap('add')
  const a = await store.exchange(exchange(s.session, { demand: demand(10) })); lap('claim')
  await store.get(a.claims.map(c => c.id)); lap('get')
  await store.exchange(exchange(s.session, { settlements: a.claims.map(succeeded), demand: demand(10) })); lap('exchange')
  await store.get(a.claims.map(c => c.id)); lap('get')
  await store.list({filter:{},limit:10,cursor:null}); lap('list')
  await store.add({ groups: groups(1), again: true }); lap('add special')
  const b = await store.exchange(exchange(s.session, { demand: demand(10) })); lap('claim')
  await store.exchange(exchange(s.session, { settlements: b.claims.map(c => ({...succeeded(c), transition: {to:'pending', count:'return', delayMs: null, error: null}})) })); lap('slow settle')
  }
  await store.close(); lap('close')
}
