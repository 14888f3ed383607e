/** One round trip of a worker: at once if all is ordinary, else step by step in a transaction. */
import { int4s, int8s, texts, uuids } from './arrays.ts'
import { claimValues, readClaims, type ClaimRow } from './claiming.ts'
import { nonceValue } from './codes.ts'
import { isUndelivered, tellDependents } from './dependents.ts'
import { codeOfError } from './errors.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { endOverdue } from './overdue.ts'
import { settle } from './settling.ts'
import { CLAIM, CLAIM_AT, EXCHANGE } from './statements/claiming.ts'
import { FORGET_CLAIMS, OVERDUE_READY } from './statements/sessions.ts'
import { OUT_OF_THE_ORDINARY } from './statements/settling.ts'
import { load, loadLive } from './tasks.ts'
import type { ExchangeAnswer, ExchangeRequest, Settlement } from '@millrace/core/store'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

export class Exchanges {
  readonly #home: Home
  /** How many tasks of a claim are not settled yet, by its nonce: its record goes with the last one. */
  readonly #open = new Map<string, number>()

  constructor(home: Home) {
    this.#home = home
  }

  async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const done = this.#done(request.settlements)
    const answer = (await this.#atOnce(request, done)) ?? (await this.#stepByStep(request, done))
    this.#count(request, answer)
    return answer
  }

  /** @returns `null`: something is out of the ordinary, and nothing was done */
  async #atOnce(request: ExchangeRequest, done: readonly string[]): Promise<ExchangeAnswer | null> {
    const { settlements } = request
    if (!settlements.every(isOrdinary)) return null
    const { database } = this.#home
    const claim = claimValues(request, database.seen, 'strict')
    try {
      const rows =
        settlements.length === 0
          ? await database.rows<ClaimRow>(CLAIM, claim)
          : await database.rows<ClaimRow>(EXCHANGE, [...claim, ...successValues(settlements, done)])
      return this.#read(request, rows, settlements.map(() => 'applied' as const))
    } catch (error) {
      if (codeOfError(error) === OUT_OF_THE_ORDINARY) return null
      throw error
    }
  }

  async #read(
    request: ExchangeRequest,
    rows: readonly ClaimRow[],
    verdicts: ExchangeAnswer['verdicts'],
  ): Promise<ExchangeAnswer> {
    const claimed = await readClaims(this.#home.names, request, rows)
    this.#home.database.saw(claimed.now)
    const settled = verdicts.length > 0
    if (settled) this.#home.tell({ ready: false, settled: true, cancel: false })
    return { ...claimed, verdicts, undelivered: false }
  }

  async #stepByStep(request: ExchangeRequest, done: readonly string[]): Promise<ExchangeAnswer> {
    const { verdicts, rows, undelivered } = await inPass(this.#home, async (pass) => {
      // what was never sent before has nothing to find among what has ended
      const look = request.again ? load : loadLive
      await look(
        pass,
        request.settlements.map(({ fence }) => fence.task),
      )
      const given = request.settlements.map((settlement) => settle(pass, settlement, request.nonce))
      await tellDependents(pass)
      if (done.length > 0) await pass.connection.run(FORGET_CLAIMS, [request.session, int8s(done.map(nonceValue))])
      await endOverdueOf(pass, request)
      const claim = claimValues(request, pass.now, 'lenient')
      const found = await pass.connection.rows<ClaimRow>(CLAIM_AT, claim)
      return { verdicts: given, rows: found, undelivered: await isUndelivered(pass) }
    })
    return { ...(await this.#read(request, rows, verdicts)), undelivered }
  }

  /** Nonces under which nothing of ours runs any more once these settlements are applied; they leave nothing running. */
  #done(settlements: readonly Settlement[]): readonly string[] {
    const ends = new Map<string, number>()
    for (const { fence, transition } of settlements) {
      if (transition.to !== 'running') ends.set(fence.nonce, (ends.get(fence.nonce) ?? 0) + 1)
    }
    return [...ends].filter(([nonce, count]) => this.#open.get(nonce) === count).map(([nonce]) => nonce)
  }

  #count({ nonce, settlements }: ExchangeRequest, { claims }: ExchangeAnswer): void {
    for (const { fence, transition } of settlements) {
      const open = this.#open.get(fence.nonce)
      if (open === undefined || transition.to === 'running') continue
      if (open === 1) this.#open.delete(fence.nonce)
      else this.#open.set(fence.nonce, open - 1)
    }
    if (claims.length > 0) this.#open.set(nonce, claims.length)
    // what is never settled here is forgotten at last: the upkeep finds such records by itself
    if (this.#open.size > 10_000) this.#open.clear()
  }
}

function isOrdinary({ transition, notes }: Settlement): boolean {
  return (
    transition.to === 'succeeded' && notes === null && (transition.result === null || typeof transition.result === 'string')
  )
}

/** In the order of their ids, so that those who settle at once wait for each other in one order only. */
function successValues(settlements: readonly Settlement[], done: readonly string[]): unknown[] {
  const sorted = settlements.toSorted((a, b) => (a.fence.task < b.fence.task ? -1 : 1))
  return [
    uuids(sorted.map(({ fence }) => fence.task)),
    int4s(sorted.map(({ fence }) => fence.epoch)),
    int8s(sorted.map(({ fence }) => nonceValue(fence.nonce))),
    int4s(sorted.map(({ seq }) => seq)),
    texts(sorted.map(({ transition }) => (transition.to === 'succeeded' ? (transition.result as string | null) : null))),
    int8s(done.map(nonceValue)),
  ]
}

/** Ends what is ready for this demand, but whose time is over, as the sweep would. */
async function endOverdueOf(pass: Pass, { demand }: ExchangeRequest): Promise<void> {
  if (demand === null) return
  const queues = texts(demand.queues.map(({ queue }) => queue))
  const values = [queues, texts(demand.types), pass.now, ENDED_MAX]
  const rows = await pass.connection.rows<[string]>(OVERDUE_READY, values)
  await endOverdue(
    pass,
    rows.map(([id]) => id),
  )
}
