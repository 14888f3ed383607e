/** Preloaded into worker processes: the wall clock of all their threads is off by an hour, one way or the other. */
import process from 'node:process'

const HOUR_MS = 3_600_000

const skewMs = process.pid % 2 === 0 ? HOUR_MS : -HOUR_MS
const now = Date.now
Date.now = () => now() + skewMs
globalThis.Date = new Proxy(Date, {
  construct: (target, given: [], as: typeof Date) =>
    Reflect.construct(target, given.length === 0 ? [Date.now()] : given, as) as Date,
})
