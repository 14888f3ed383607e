/** The calls of `StoreService`, however they come: by themselves or on a stream. */
import { codeOf } from '@millrace/core'
import { requestOf, responseOf, takenOf, type PortMethod } from '../wire/methods.ts'
import { PAGES_AT_ONCE, Turns } from '../listen/turns.ts'
import { carry } from './store-policy.ts'
import { SessionOwners } from './policy/session-owners.ts'
import { TaskQueues } from './policy/task-queues.ts'
import type { Caller } from '../access/caller.ts'
import type { CommandAnswer, CommandRequest, Store } from '@millrace/core/store'
import type { ServerParts } from '../parts.ts'

/** The part of the server that the calls need. */
export type StoreCallParts = Pick<
  ServerParts,
  'store' | 'platform' | 'logger' | 'authenticator' | 'audit' | 'recorder' | 'rates'
>

export class StoreCalls {
  readonly #parts: StoreCallParts
  readonly #owners: SessionOwners
  readonly #queues: TaskQueues
  readonly #pages = new Turns(PAGES_AT_ONCE)

  constructor(parts: StoreCallParts) {
    this.#parts = parts
    this.#owners = new SessionOwners(parts.store)
    this.#queues = new TaskQueues(parts.store, parts.platform)
  }

  /**
   * Carries out a call.
   *
   * @param request the content of its message
   * @returns the content of its answer
   * @throws AccessError, InvalidArgumentError, StoreError
   */
  async answer(method: PortMethod, request: object, caller: Caller): Promise<object> {
    const taken = takenOf(method, request)
    const scene = { caller, store: this.#parts.store, owners: this.#owners, queues: this.#queues }
    if (PAGES.has(method))
      return this.#pages.run(async () => responseOf(method, await carry(method, taken as never, scene)))
    const call = carry(method, taken as never, scene)
    const given = isAudited(method, taken) ? await this.#audited(call, { method, taken, caller }) : await call
    return responseOf(method, given)
  }

  /** It is answered when it is noted. */
  async #audited(
    call: Promise<unknown>,
    {
      method,
      taken,
      caller,
    }: { readonly method: PortMethod; readonly taken: unknown; readonly caller: Caller },
  ): Promise<unknown> {
    const entry = { caller: caller.name, call: `store.${method}`, target: targetOf(method, taken) }
    const note = (rest: { refused: string | null; matched?: number; changed?: number }): Promise<void> =>
      this.#parts.audit.note({ at: new Date(this.#parts.platform.wallMs()), ...entry, ...rest })
    let given
    try {
      given = await call
    } catch (error) {
      await note({ refused: codeOf(error) ?? 'internal' })
      throw error
    }
    const { matched, changed } = method === 'command' ? (given as CommandAnswer) : {}
    await note({
      refused: null,
      ...(matched === undefined ? {} : { matched }),
      ...(changed === undefined ? {} : { changed }),
    })
    return given
  }
}

/** What answers with many tasks. */
const PAGES: ReadonlySet<PortMethod> = new Set(['list', 'get'])

/** What operators do, and producers that take many tasks back. */
const AUDITED: ReadonlySet<PortMethod> = new Set([
  'orderSession',
  'removeLimit',
  'configurePartition',
  'recount',
  'configureBudget',
  'putSchedule',
  'removeSchedule',
  'configureQueue',
])

function isAudited(method: PortMethod, taken: unknown): boolean {
  switch (method) {
    case 'command': {
      const { command, target } = taken as CommandRequest
      return command.kind !== 'cancel' || 'filter' in target
    }
    case 'configureLimit':
      return (taken as Parameters<Store['configureLimit']>[0]).by === 'user'
    case 'audit':
      return (taken as Parameters<Store['audit']>[0]).repair
    default:
      return AUDITED.has(method)
  }
}

/** No inputs of tasks, and nothing that is long. */
function targetOf(method: PortMethod, taken: unknown): unknown {
  if (method === 'command') {
    const { command, target } = taken as CommandRequest
    return { kind: command.kind, ...target }
  }
  const content = requestOf(method, taken) as Readonly<Record<string, unknown>>
  const named = ['name', 'queue', 'session', 'partition', 'scope'].filter((name) => name in content)
  return Object.fromEntries(named.map((name) => [name, content[name]]))
}
