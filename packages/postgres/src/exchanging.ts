/** One round trip of a worker: at once if all is ordinary, else step by step in a transaction. */
import { int4s, int8s, texts, uuids } from './arrays.ts'
import { claimValues, readClaims, type ClaimRow } from './claiming.ts'
import { nonceValue, NOTHING } from '@millrace/core/store'
import { isUndelivered, tellDependents } from './dependents.ts'
import { behindEffect, sqlstateOf } from './errors.ts'
import { OpenClaims, type EndedClaim } from './open-claims.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { endOverdue } from './overdue.ts'
import { settle } from './settling.ts'
import { CLAIM, CLAIM_AT, EXCHANGE } from './statements/claiming.ts'
import { FORGET_CLAIMS, OVERDUE_READY } from './statements/sessions.ts'
import { OUT_OF_THE_ORDINARY } from './statements/settling.ts'
import { load, loadLive } from './tasks.ts'
import type { ExchangeAnswer, ExchangeRequest, Nonce, Reclaimed, Settlement } from '@millrace/core/store'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

export class Exchanges {
  readonly #home: Home
  readonly #open = new OpenClaims()

  constructor(home: Home) {
    this.#home = home
  }

  /** A take-over is settled like a claim. */
  tookOver(nonce: Nonce, tasks: readonly Reclaimed[]): void {
    this.#open.add(
      nonce,
      tasks.map(({ fence }) => ({ id: fence.task, epoch: fence.epoch })),
    )
  }

  async exchange(request: ExchangeRequest): Promise<ExchangeAnswer> {
    const done = this.#open.endedBy(request.settlements)
    const answer = (await this.#atOnce(request, done)) ?? (await this.#stepByStep(request, done))
    this.#open.note(request, answer)
    return answer
  }

  /** @returns `null`: something is out of the ordinary, and nothing was done */
  async #atOnce(request: ExchangeRequest, done: readonly EndedClaim[]): Promise<ExchangeAnswer | null> {
    const { settlements } = request
    if (!settlements.every(isOrdinary)) return null
    const { database } = this.#home
    const claim = claimValues(request, database.seen, 'strict')
    try {
      const rows =
        settlements.length === 0
          ? await database.rows<ClaimRow>(CLAIM, claim)
          : await database.rows<ClaimRow>(EXCHANGE, [...claim, ...successValues(settlements, done)])
      return await this.#read(
        request,
        rows,
        settlements.map(() => 'applied' as const),
      )
    } catch (error) {
      if (sqlstateOf(error) === OUT_OF_THE_ORDINARY) return null
      throw error
    }
  }

  async #read(
    request: ExchangeRequest,
    rows: readonly ClaimRow[],
    verdicts: ExchangeAnswer['verdicts'],
  ): Promise<ExchangeAnswer> {
    const claimed = await behindEffect(() => readClaims(this.#home.names, request, rows))
    this.#home.database.saw(claimed.now)
    const settled = verdicts.length > 0
    if (settled) this.#home.tell({ ...NOTHING, settled: true })
    return { ...claimed, verdicts, undelivered: false }
  }

  async #stepByStep(request: ExchangeRequest, done: readonly EndedClaim[]): Promise<ExchangeAnswer> {
    const { verdicts, rows, undelivered } = await inPass(this.#home, async (pass) => {
      // what was never sent before has nothing to find among what has ended
      const look = request.again ? load : loadLive
      await look(
        pass,
        request.settlements.map(({ fence }) => fence.task),
      )
      const given = request.settlements.map((settlement) => settle(pass, settlement, request.nonce))
      await tellDependents(pass)
      if (done.length > 0) await pass.connection.run(FORGET_CLAIMS, [request.session, ...endedValues(done)])
      await endOverdueOf(pass, request)
      const claim = claimValues(request, pass.now, 'lenient')
      const found = await pass.connection.rows<ClaimRow>(CLAIM_AT, claim)
      return { verdicts: given, rows: found, undelivered: await isUndelivered(pass) }
    })
    return { ...(await this.#read(request, rows, verdicts)), undelivered }
  }
}

function isOrdinary({ transition, notes }: Settlement): boolean {
  return (
    transition.to === 'succeeded' &&
    notes === null &&
    (transition.result === null || typeof transition.result === 'string')
  )
}

/** In the order of their ids, so that those who settle at once wait for each other in one order only. */
function successValues(settlements: readonly Settlement[], done: readonly EndedClaim[]): unknown[] {
  const sorted = settlements.toSorted((a, b) => (a.fence.task < b.fence.task ? -1 : 1))
  return [
    uuids(sorted.map(({ fence }) => fence.task)),
    int4s(sorted.map(({ fence }) => fence.epoch)),
    int8s(sorted.map(({ fence }) => nonceValue(fence.nonce))),
    int4s(sorted.map(({ seq }) => seq)),
    texts(
      sorted.map(({ transition }) =>
        transition.to === 'succeeded' ? (transition.result as string | null) : null,
      ),
    ),
    ...endedValues(done),
  ]
}

function endedValues(done: readonly EndedClaim[]): readonly Buffer[] {
  return [int8s(done.map(({ nonce }) => nonceValue(nonce))), int4s(done.map(({ tasks }) => tasks))]
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
