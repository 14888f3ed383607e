/** How the methods of the port are calls of `StoreService`, whose names they have. */
import { codecOf, type Codec } from './codec.ts'
import { StoreService } from './generated/millrace/v1/store_pb.ts'
import type { Store } from '@millrace/core/store'

/** The methods of the port that are calls: neither those of a store's own life, nor hints. */
export type PortMethod = Exclude<
  { [K in keyof Store]-?: Store[K] extends (...args: never) => Promise<unknown> ? K : never }[keyof Store],
  'open' | 'close' | 'reconnect'
>

/** What a method takes; `undefined`: nothing. */
export type Taken<M extends PortMethod> = Parameters<Store[M]>[0]
/** What a method answers. */
export type Given<M extends PortMethod> = Awaited<ReturnType<Store[M]>>

/** `itself`: it is the message; `nothing`; or else the field of the message that it is. */
type Place = 'itself' | 'nothing' | (string & {})

const PLACES: { readonly [M in PortMethod]: { readonly takes: Place; readonly gives: Place } } = {
  openSession: { takes: 'itself', gives: 'itself' },
  renew: { takes: 'itself', gives: 'itself' },
  orderSession: { takes: 'itself', gives: 'itself' },
  closeSession: { takes: 'session', gives: 'nothing' },
  add: { takes: 'itself', gives: 'groups' },
  exchange: { takes: 'itself', gives: 'itself' },
  reclaim: { takes: 'itself', gives: 'itself' },
  configureLimit: { takes: 'itself', gives: 'outcome' },
  removeLimit: { takes: 'name', gives: 'nothing' },
  limits: { takes: 'itself', gives: 'itself' },
  configurePartition: { takes: 'itself', gives: 'nothing' },
  partitions: { takes: 'nothing', gives: 'partitions' },
  recount: { takes: 'nothing', gives: 'itself' },
  configureBudget: { takes: 'itself', gives: 'outcome' },
  budgets: { takes: 'nothing', gives: 'budgets' },
  usage: { takes: 'questions', gives: 'itself' },
  spend: { takes: 'itself', gives: 'nothing' },
  putSchedule: { takes: 'itself', gives: 'itself' },
  removeSchedule: { takes: 'name', gives: 'outcome' },
  schedule: { takes: 'name', gives: 'schedule' },
  schedules: { takes: 'itself', gives: 'schedules' },
  dueSchedules: { takes: 'itself', gives: 'itself' },
  tick: { takes: 'itself', gives: 'itself' },
  acquireLock: { takes: 'itself', gives: 'itself' },
  renewLock: { takes: 'itself', gives: 'outcome' },
  releaseLock: { takes: 'itself', gives: 'outcome' },
  locks: { takes: 'nothing', gives: 'locks' },
  sweep: { takes: 'itself', gives: 'itself' },
  deliver: { takes: 'itself', gives: 'itself' },
  prune: { takes: 'itself', gives: 'itself' },
  command: { takes: 'itself', gives: 'itself' },
  configureQueue: { takes: 'itself', gives: 'nothing' },
  openGate: { takes: 'gate', gives: 'outcome' },
  get: { takes: 'ids', gives: 'tasks' },
  outcomes: { takes: 'itself', gives: 'outcomes' },
  list: { takes: 'itself', gives: 'itself' },
  queues: { takes: 'nothing', gives: 'queues' },
  waitingRoutes: { takes: 'nothing', gives: 'routes' },
  dueSoon: { takes: 'itself', gives: 'tasks' },
  standing: { takes: 'itself', gives: 'standing' },
  sessions: { takes: 'nothing', gives: 'sessions' },
  definitions: { takes: 'nothing', gives: 'definitions' },
  now: { takes: 'nothing', gives: 'now' },
  audit: { takes: 'itself', gives: 'itself' },
}

/** All methods of the port that are calls. */
export const PORT_METHODS: readonly PortMethod[] = Object.keys(PLACES) as readonly PortMethod[]

/** A method that is called often: its calls go over a stream. */
export type StreamedMethod =
  | 'openSession'
  | 'renew'
  | 'closeSession'
  | 'add'
  | 'exchange'
  | 'reclaim'
  | 'outcomes'

/** All of them. */
export const STREAMED: readonly StreamedMethod[] = [
  'openSession',
  'renew',
  'closeSession',
  'add',
  'exchange',
  'reclaim',
  'outcomes',
]

/** What a method takes, as the content of its request. */
export function requestOf(method: PortMethod, taken: unknown): object {
  return within(PLACES[method].takes, taken)
}

/** What the content of a request stands for. */
export function takenOf(method: PortMethod, request: object): unknown {
  return outOf(PLACES[method].takes, request)
}

/** What a method answers, as the content of its response. */
export function responseOf(method: PortMethod, given: unknown): object {
  return within(PLACES[method].gives, given)
}

/** What the content of a response stands for. */
export function givenOf(method: PortMethod, response: object): unknown {
  return outOf(PLACES[method].gives, response)
}

/** Of the request of a method, by its content. */
export function requestCodec(method: PortMethod): Codec<object> {
  return codecOf(StoreService.method[method].input)
}

function within(place: Place, value: unknown): object {
  if (place === 'itself') return value as object
  return place === 'nothing' ? {} : { [place]: value }
}

function outOf(place: Place, content: object): unknown {
  if (place === 'itself') return content
  return place === 'nothing' ? undefined : (content as Readonly<Record<string, unknown>>)[place]
}
