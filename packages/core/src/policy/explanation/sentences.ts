/** Reasons as sentences, for people. */
import { ago, ahead, brief, grouped, kin, listed, many, span } from './wording.ts'
import type { ErrorBrief, Parent } from './facts.ts'
import type { EndReason, Reason } from './reasons.ts'

type Code = Reason['code']
type Of<C extends Code> = Extract<Reason, { readonly code: C }>

type Says = { readonly [C in Code]: (reason: Of<C>, now: number) => string }

/** @param now store time, from which times are told */
export function sentenceOf(reason: Reason, now: number): string {
  const say = SENTENCES[reason.code] as (reason: Reason, now: number) => string
  return say(reason, now)
}

const SENTENCES: Says = {
  unknown: () => 'The store holds no such task: it was never enqueued here, or was removed long ago.',
  removed: ({ state }) => `It was removed, by hand or by retention; before that it was ${state}.`,

  succeeded: ({ at, attempt, tookMs }, now) =>
    `It succeeded ${ago(at, now)} with attempt ${attempt}${tookMs === null ? '' : `, which took ${span(tookMs)}`}.`,
  failed: (reason, now) => `It failed ${ago(reason.at, now)}: ${whyFailed(reason)}`,
  cancelled: ({ at, cause, reason, by }, now) => {
    if (cause === 'replaced')
      return `It was cancelled ${ago(at, now)}, because task ${by} with the same unique key took its place.`
    if (cause === 'parents')
      return `It was cancelled ${ago(at, now)}, because of how tasks ended that it waited for.`
    return `It was cancelled ${ago(at, now)} on request${reason === null ? '' : `: ${brief(reason)}`}.`
  },
  'parents-unsuccessful': ({ parents, count }) => `It depended on ${named(parents, count)}.`,

  'lease-lapsed': () =>
    'It was being run by a worker whose lease is over; any worker that is there takes it over within seconds.',
  'cancel-requested': ({ at, reason }, now) =>
    `It was asked to stop ${ago(at, now)}${reason === null ? '' : `: ${brief(reason)}`}; its worker hears of that with its next renewal.`,
  running: ({ session, host, pid, since, leaseUntil, attempt, attempts }, now) =>
    `It has been running for ${span(Math.max(0, now - since))}: attempt ${attempt} of ${attempts}, on worker ${session} (${host}, process ${pid}), whose lease ends ${ahead(leaseUntil, now)} unless it is renewed.`,
  progress: ({ fraction, message }) =>
    `Its handler says that it is ${Math.round(fraction * 100)} % done${message === null ? '' : `: ${brief(message)}`}.`,

  held: ({ at }, now) =>
    `It ${at === null ? 'is on hold' : `was put on hold ${ago(at, now)}`}, and starts only after it was released.`,
  gate: () => 'It belongs to a large bulk that is not written to its end yet; nothing of that starts before.',
  'waits-for': ({ parents, count }) => `It waits for ${named(parents, count)}.`,
  'parents-ended': () => 'All that it waited for has ended; a worker lets it go on within seconds.',
  'strict-order': ({ partition, behind }) =>
    `Its partition${partition === null ? '' : ` ${partition}`} is in strict order, and ${kin(behind)} comes first.`,
  parked: () => 'It is parked: it waits for a time, a signal or another task.',

  backoff: ({ dueAt, attempt, attempts, error }, now) =>
    `It waits after a failure: attempt ${attempt} of ${attempts} is due ${ahead(dueAt, now)}. The last one failed with ${errorText(error)}`,
  'crash-backoff': ({ dueAt, crashes }, now) =>
    `What ran it ended in the middle (${times(crashes)} so far); it is due again ${ahead(dueAt, now)}.`,
  snoozed: ({ dueAt }, now) => `Its handler put it off; it is due again ${ahead(dueAt, now)}.`,
  'due-later': ({ dueAt }, now) => `It is due ${ahead(dueAt, now)}.`,

  'queue-paused': ({ queue, at, by }, now) =>
    `The queue ${queue} was paused ${ago(at, now)}${by === null ? '' : ` by ${brief(by)}`}, and gives nothing until it is resumed.`,
  'no-worker': () => 'No worker is there.',
  'type-unhandled': ({ type, workers }) =>
    workers === 1
      ? `The only worker that is there does not handle tasks of the type ${type}.`
      : `None of the ${grouped(workers)} workers that are there handles tasks of the type ${type}.`,
  'queue-unserved': ({ queue, workers }) =>
    workers === 1
      ? `The only worker that handles its type does not serve the queue ${queue}.`
      : `None of the ${grouped(workers)} workers that handle its type serves the queue ${queue}.`,
  'offers-missing': ({ offers, workers }) =>
    workers === 1
      ? `The only worker that handles its type does not offer all that it needs: ${listed(offers)}.`
      : `None of the ${grouped(workers)} workers that handle its type offers all that it needs; the nearest lacks ${listed(offers)}.`,
  'version-unknown': ({ version, workers }) =>
    workers === 1
      ? `Its input is of version ${version}, and the only worker that handles its type has older code.`
      : `Its input is of version ${version}, and all ${grouped(workers)} workers that handle its type have older code.`,
  'workers-draining': ({ workers }) =>
    workers === 1
      ? 'The only worker that could take it is ending, and claims nothing more.'
      : `All ${grouped(workers)} workers that could take it are ending, and claim nothing more.`,

  'breaker-open': ({ breaker, until }, now) =>
    `The breaker ${breaker} is open after too many failures; probes begin ${ahead(until, now)}.`,
  'breaker-probing': ({ breaker, probes }) =>
    `The breaker ${breaker} is half open, and its ${many(probes, 'probe')} run: the others wait for how these end.`,
  'limit-shut': ({ limit, key, until }, now) =>
    `The limit ${under(limit, key)} is shut; it opens ${ahead(until, now)}.`,
  'limit-full': ({ limit, key, concurrency, used }) =>
    `The limit ${under(limit, key)} is full: ${grouped(used)} of ${grouped(concurrency)} run.`,
  'rate-full': ({ limit, key, rate, perMs, until }, now) =>
    `The rate of ${under(limit, key)} is used up (${grouped(rate)} in ${span(perMs)}); there is room for it ${ahead(until, now)}.`,
  prefers: ({ offers, until }, now) =>
    `It is left to workers that offer ${listed(offers)}; others take it ${ahead(until, now)}.`,
  'workers-busy': ({ workers, slots, resized }) =>
    `All ${many(slots, 'handler')} of the ${many(workers, 'worker')} that could take it are at work${resized === 0 ? '' : `; ${grouped(resized)} of these workers had their size changed by an operator`}.`,
  behind: ({ higher, same, counted }) =>
    `${counted === 'some' ? 'More than ' : ''}${many(higher + same, 'task')} of its queue come before it: ${grouped(higher)} of higher priority, ${grouped(same)} of its own.`,
  'takes-turns': ({ partition, weight }) =>
    `Its partition ${partition} takes turns with others (its weight is ${grouped(weight)}), so that it may start sooner or later than its place says.`,
  next: () => 'Nothing keeps it: it starts as soon as a worker asks for more.',

  retrying: ({ attempt, attempts, error }) =>
    `It comes back for attempt ${attempt} of ${attempts}, after ${errorText(error)}`,
  suspect: ({ crashes }) =>
    `It has crashed what ran it ${times(crashes)}, and is run alone in a process of its own where its worker has isolates.`,
  'key-held': ({ key, by }) => `Its unique key ${JSON.stringify(brief(key))} is held by ${kin(by)}.`,
  'time-limit': ({ limit, at }, now) => LIMITS[limit](span(at - now)),
  'time-over': ({ limit, at }, now) => `${OVER[limit]} ${ago(at, now)}; a worker ends it within seconds.`,
}

const LIMITS = {
  startBy: (left: string) => `It expires unless it starts within ${left}.`,
  deadline: (left: string) => `It fails unless it is done within ${left}: then its deadline passes.`,
  timeout: (left: string) => `This attempt has to end within about ${left}.`,
} as const

const OVER = {
  startBy: 'It should have started by now: its time to do so ended',
  deadline: 'Its deadline passed',
  timeout: 'The time limit of this attempt ended about',
} as const

type Failed = Extract<EndReason, { code: 'failed' }>

function whyFailed({ reason, attempt, attempts, error, crashes, timedOut }: Failed): string {
  switch (reason) {
    case 'error':
      return attempt >= attempts
        ? `attempt ${attempt}, the last of ${attempts}, ended with ${errorText(error)}`
        : `attempt ${attempt} of ${attempts} ended with ${errorText(error)} By that error, or by its retry policy, there was to be no other attempt.`
    case 'timeout':
      return timedOut === 'deadline'
        ? 'its deadline passed before it was done.'
        : `attempt ${attempt} of ${attempts} took longer than it may.`
    case 'crashed':
      return `it crashed what ran it ${times(crashes)}, and nothing else can be to blame.`
    case 'expired':
      return 'it was not started in time (startBy).'
    case 'invalid':
      return `its input or its result is not what it has to be: ${errorText(error)}`
    case 'dependency':
      return 'a task that it needed did not succeed.'
  }
}

/** Ends the sentence. */
function errorText(error: ErrorBrief | null): string {
  if (error === null) return 'no error that was kept.'
  const text = brief(`${error.name}: ${error.message}`)
  return /[.!?…]$/.test(text) ? text : `${text}.`
}

function named(parents: readonly Parent[], count: number): string {
  const names = parents.map((parent) => kin(parent) + (parent.ifFailed === 'trigger' ? ' to fail' : ''))
  const more = count - parents.length
  return listed(more === 0 ? names : [...names, `${many(more, 'task')} more`])
}

function under(limit: string, key: string): string {
  return key === '' ? limit : `${limit} for ${JSON.stringify(brief(key))}`
}

function times(n: number): string {
  return n === 1 ? 'once' : `${grouped(n)} times`
}
