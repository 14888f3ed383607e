/** Exchanges as they travel. */
import { shortened } from './records.ts'
import { SPOT_LENGTH, Turns, type Spot } from './turns.ts'
import type {
  Demand,
  ExchangeRequest,
  Notes,
  Payload,
  QueueDemand,
  Settlement,
  Transition,
  Verdict,
} from '@millrace/core/store'
import type { Names } from './names.ts'
import type { Packer } from './packer.ts'

/** The routes that a demand can take, by their numbers; drawn up anew when one of these changes. */
interface Taste {
  readonly types: readonly string[]
  readonly offers: readonly string[]
  readonly known: number
  readonly generation: number
  readonly routes: readonly number[]
}

export class Tastes {
  #last: Taste = { types: [], offers: [], known: 0, generation: 0, routes: [] }

  routesOf({ types, offers }: Demand, names: Names): readonly number[] {
    const known = names.routes.size
    const { generation } = names
    const last = this.#last
    const sameNames = last.known === known && last.generation === generation
    if (last.types === types && last.offers === offers && sameNames) return last.routes
    const [wanted, offered] = [new Set(types), new Set(offers)]
    const routes = [...names.routeOf]
      .filter(([, { type, needs }]) => wanted.has(type) && needs.every((need) => offered.has(need)))
      .map(([number]) => number)
    this.#last = { types, offers, known, generation, routes }
    return routes
  }
}

export interface Packing {
  readonly packer: Packer
  readonly names: Names
  readonly tastes: Tastes
}

/** Queues that have no number yet are noted by the names: then nothing must be sent. */
export function packExchange({ packer, names, tastes }: Packing, request: ExchangeRequest): Buffer {
  const { session, nonce, again, settlements, demand } = request
  packer.array(6).id(session).nonce(nonce)
  packer.int(again ? 1 : 0).int(names.routes.size)
  packer.array(5 * settlements.length)
  for (const settlement of settlements) packSettlement(packer, settlement)
  if (demand === null) packer.no()
  else packDemand({ packer, names, tastes }, demand)
  return packer.done()
}

function packDemand({ packer, names, tastes }: Packing, demand: Demand): void {
  const routes = tastes.routesOf(demand, names)
  packer.array(6).array(routes.length)
  for (const route of routes) packNumber(packer, route)
  packer.array(demand.queues.length)
  const turns = demand.turn === null ? undefined : new Turns(demand.turn)
  for (const queue of demand.queues) {
    packQueue(packer, queue, names)
    if (turns === undefined) packer.no()
    else turns.pack(packer, queue.queue)
  }
  packer.int(demand.tasksMax).int(demand.bytesMax).int(demand.quantum)
  packer.array(demand.offers.length)
  for (const offer of demand.offers) packer.text(offer)
}

function packQueue(packer: Packer, { queue, slots, tasksMax }: QueueDemand, names: Names): void {
  packer.array(4)
  packNumber(packer, names.queue(queue))
  packer.array(5)
  for (const slot of slots) packer.int(slot)
  packer.int(Math.max(tasksMax, 0))
}

function packNumber(packer: Packer, number: number): void {
  const start = packer.begin(3)
  packer.rawInt(number, 3)
  packer.end(start)
}

function packSettlement(packer: Packer, settlement: Settlement): void {
  const { fence, seq, transition, notes } = settlement
  packer.id(fence.task)
  const start = packer.begin(12)
  packer.rawInt(fence.epoch, 4)
  packer.rawHex(fence.nonce, 16)
  packer.end(start)
  const number = packer.begin(4)
  packer.rawInt(seq, 4)
  packer.end(number)
  if (transition.to === 'succeeded' && notes === null) {
    packer.int(kindOf(transition.result))
    packPayload(packer, transition.result)
    return
  }
  packer.int(3)
  packOther(packer, settlement)
}

const NO_NOTES: Notes = { progress: null, logs: [] }
const LOG_ENTRIES_MAX = 100

function packOther(packer: Packer, { transition, notes }: Settlement): void {
  const { counter, delayMs, error, detail, reason, checkpoint, result } = plainOf(transition)
  packer.array(12).text(transition.to[0]!).text(counter).int(delayMs)
  packText(packer, error === null ? null : JSON.stringify(error))
  packText(packer, detail === null ? null : shortened(detail))
  packer.text(reason)
  if (checkpoint === null) packer.no()
  else packTagged(packer, checkpoint)
  const { progress, logs: all } = notes ?? NO_NOTES
  packText(packer, progress === null ? null : JSON.stringify(progress))
  const logs = all.slice(-LOG_ENTRIES_MAX)
  packer.array(logs.length)
  for (const entry of logs) packer.text(JSON.stringify(entry))
  packer.int(kindOf(result))
  packPayload(packer, result)
  const shut = 'shut' in transition ? transition.shut : undefined
  if (shut === undefined) packer.no()
  else packer.array(3).text(shut.name).text(shut.key).int(shut.ms)
}

function plainOf(transition: Transition): {
  readonly counter: string
  readonly delayMs: number
  readonly error: object | null
  readonly detail: string | null
  readonly reason: string
  readonly checkpoint: Payload | null
  readonly result: Payload | null
} {
  const none = {
    counter: '',
    delayMs: -1,
    error: null,
    detail: null,
    reason: '',
    checkpoint: null,
    result: null,
  }
  switch (transition.to) {
    case 'succeeded':
      return { ...none, result: transition.result }
    case 'running':
      return { ...none, checkpoint: transition.checkpoint }
    case 'cancelled':
      return { ...none, error: transition.error }
    case 'failed':
      return {
        ...none,
        counter: counterOf(transition.count),
        error: transition.error,
        reason: transition.reason,
      }
    case 'pending': {
      const { count, delayMs, error } = transition
      const detail = error?.name ?? (delayMs === null ? null : String(delayMs))
      return { ...none, counter: counterOf(count), delayMs: delayMs ?? -1, error, detail }
    }
  }
}

function counterOf(count: string): string {
  return count === 'isolated-crash' ? 'isolated' : count
}

export function kindOf(payload: Payload | null): number {
  if (payload === null) return 0
  return typeof payload === 'string' ? 1 : 2
}

export function packPayload(packer: Packer, payload: Payload | null): void {
  if (payload === null) packer.text('')
  else if (typeof payload === 'string') packer.text(payload)
  else packer.bytes(payload)
}

/** With a letter before it that says what it is. */
function packTagged(packer: Packer, payload: Payload): void {
  const start = packer.begin(1 + 3 * payload.length)
  if (typeof payload === 'string') {
    packer.rawAscii('t')
    packer.rawText(payload)
  } else {
    packer.rawAscii('b')
    packer.rawBytes(payload)
  }
  packer.end(start)
}

export function packText(packer: Packer, text: string | null): void {
  if (text === null) packer.no()
  else packer.text(text)
}

/** For the next demand. @param flat { queue (from 1), level, numbers of its spot, … } */
export function turnAfter(demand: Demand | null, flat: readonly number[]): string | null {
  const before = demand?.turn ?? null
  if (demand === null || flat.length === 0) return before
  const turns = new Turns(before)
  for (let i = 0; i < flat.length; i += 2 + SPOT_LENGTH) {
    const [queue, level, ...spot] = flat.slice(i, i + 2 + SPOT_LENGTH) as [number, number, ...Spot]
    turns.set(demand.queues[queue - 1]!.queue, level, spot)
  }
  return turns.text()
}

const VERDICTS: Readonly<Record<string, Verdict>> = { a: 'applied', c: 'cancelled', s: 'stale' }

export function verdictsOf(letters: Buffer): readonly Verdict[] {
  return Array.from(letters.toString('latin1'), (letter) => VERDICTS[letter]!)
}
