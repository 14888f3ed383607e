/** A worker process of the rig: it works until it is killed, or told to stop by a message. */
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Context, type Store } from 'millrace'
import { seededRandom } from '@millrace/core/simulation'
import { EffectsJournal } from './effects-journal.ts'
import { ASTRAY, child, job, JOBS, type Astray, type JobInput } from './jobs.ts'
import { forgetful } from './forgetful.ts'
import { mortal } from './mortal.ts'
import type { Part, Told } from './part.ts'
import { storeOf } from './store-of.ts'
import { witnessed } from './witness.ts'
import { wounded } from './wounds.ts'

/** How often a store that is away is asked again at the start. */
const AGAIN_MS = 100
/** After so long it may die of what it is told to. */
const MORTAL_MS = 500

const part = JSON.parse(process.argv[2]!) as Part
const stopping = Promise.withResolvers<void>()
process.on('message', () => stopping.resolve())
// without its parent nobody counts any more
process.on('disconnect', () => process.exit(1))

const journal = new EffectsJournal(part.folder)
const logger = {
  debug() {},
  info() {},
  warn(of: object | string, says = '') {
    const { task } = of as { readonly task?: string }
    if (task !== undefined) journal.write({ is: 'report', task, says })
  },
  error() {},
}
/** What a handler that has lost its task writes to. */
let store: Store
let works = false
const mill = await persistently(() => connect({ '~store': storeOfPart }, { logger }))
const handlers = JOBS.filter(({ name }) => part.types.includes(name)).map((task) => task.handler(run))
const worker = mill.worker({ handlers, concurrency: part.slots, lease: part.leaseMs })
worker.on('error', ({ error, doing }) => {
  journal.write({ is: 'trouble', doing, code: codeOf(error) })
})
await persistently(() => worker.start())
// as in production: what goes astray is laid to the task that caused it
const over = worker.run()
process.send!({ kind: 'ready' } satisfies Told)
// for a moment it does its part: else nobody would get on
setTimeout(() => (works = true), MORTAL_MS).unref()
await stopping.promise
await mill.close(part.drainMs === undefined ? {} : { drain: part.drainMs })
await over
process.disconnect()

function storeOfPart(): Store {
  const { url, droppedAnswers, wound, diesAt } = part
  store = storeOf(url)
  if (wound !== undefined) store = wounded(store, wound)
  if (droppedAnswers !== undefined)
    store = forgetful(store, droppedAnswers.share, seededRandom(droppedAnswers.seed ^ process.pid))
  if (diesAt !== undefined) store = mortal(store, diesAt, () => works)
  store = witnessed(store, journal)
  return store
}

async function run({ busyMs, then, child: delay }: JobInput, ctx: Context): Promise<string> {
  note('start', ctx)
  if (delay !== undefined) await ctx.enqueue(job, { busyMs: 0 }, { delay, tags: [String(delay)] })
  // a run that goes on must show that it does, also where nobody listens to its signal
  const waiting = then === 'deaf' || then === 'late writes' ? {} : { signal: ctx.signal }
  if (then === 'blocks') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyMs)
  else await sleep(busyMs, undefined, waiting)
  if (then === 'late writes' && ctx.signal.aborted) await writeLate(ctx)
  if (isAstray(then)) await goAstray(then)
  if (holds(ctx)) note('effect', ctx)
  note('end', ctx)
  if (then === 'throw' && ctx.attempt === 1) throw new Error('as it was asked to')
  return `${ctx.fence.epoch} ${ctx.fence.nonce}`
}

/** As far as the worker knows. */
function holds(ctx: Context): boolean {
  try {
    ctx.throwIfLost()
    return true
  } catch {
    return false
  }
}

function note(phase: 'start' | 'effect' | 'end', { fence, attempt }: Context): void {
  journal.write({ is: 'effect', phase, ...fence, attempt })
}

function isAstray(then: JobInput['then']): then is Astray {
  return ASTRAY.some((one) => one === then)
}

/** What no `catch` of the worker's around its handlers sees; it never comes back. */
async function goAstray(then: Astray): Promise<never> {
  if (then === 'reject') void Promise.reject(new Error('astray'))
  if (then === 'throw later')
    setTimeout(() => {
      throw new Error('astray')
    }, 5)
  if (then === 'exit') process.exit(3)
  return new Promise(() => undefined)
}

/** All that a handler can write, and the settlement itself, as if the worker did not distrust itself. */
async function writeLate(ctx: Context): Promise<void> {
  const { fence } = ctx
  const settlement = {
    fence,
    seq: 1,
    transition: { to: 'succeeded', result: '"late"' },
    notes: null,
  } as const
  const writes = {
    checkpoint: () => ctx.checkpoint('late').then(() => 'accepted'),
    child: () => ctx.enqueue(child, { of: ctx.task.id }).then(() => 'accepted'),
    settlement: async () => {
      const session = crypto.randomUUID()
      const request = { session, nonce: fence.nonce, again: false, settlements: [settlement], demand: null }
      const { verdicts } = await store.exchange(request)
      return verdicts[0] === 'stale' ? 'stale' : 'accepted'
    },
  }
  for (const [what, write] of Object.entries(writes)) {
    const answer = await write().catch(codeOf)
    journal.write({ is: 'late write', task: fence.task, what: what as keyof typeof writes, answer })
  }
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code)
}

async function persistently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      journal.write({ is: 'trouble', doing: 'starting', code: codeOf(error) })
      await sleep(AGAIN_MS)
    }
  }
}
