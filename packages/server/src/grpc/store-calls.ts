/** The calls of `StoreService`, however they come: by themselves or on a stream. */
import { AccessError, type ServedBudgets } from '@millrace/core'
import { audited } from '../audit/noting.ts'
import { requestOf, responseOf, takenOf, type PortMethod } from '../wire/methods.ts'
import { inTurn } from '../service/pages.ts'
import { AS_IT_IS } from '../service/redaction.ts'
import { carry } from './store-policy.ts'
import { SessionOwners } from './policy/session-owners.ts'
import { TaskQueues } from './policy/task-queues.ts'
import type { Caller } from '../access/caller.ts'
import type { CommandRequest, Store } from '@millrace/core/store'
import type { ServerParts } from '../parts.ts'

/** The part of the server that the calls need. */
export interface StoreCallParts extends Pick<
  ServerParts,
  | 'store'
  | 'platform'
  | 'logger'
  | 'authenticator'
  | 'audit'
  | 'recorder'
  | 'rates'
  | 'redact'
  | 'traffic'
  | 'intake'
  | 'open'
  | 'pages'
> {
  /** By which what is added is judged. Left out: it is not. */
  readonly budgets?: ServedBudgets | undefined
}

export class StoreCalls {
  readonly #parts: StoreCallParts
  readonly #owners: SessionOwners
  readonly #queues: TaskQueues

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
    const { store, redact, budgets } = this.#parts
    const scene = { caller, store, owners: this.#owners, queues: this.#queues, budgets }
    const run = async (): Promise<unknown> => {
      const isRaw = redact !== AS_IT_IS && showsRaw(method, taken)
      return carry(method, taken as never, isRaw ? { ...scene, caller: seeingRaw(caller) } : scene)
    }
    if (PAGES.has(method))
      return inTurn(this.#parts, caller.name, async () => responseOf(method, await run()))
    if (!isAudited(method, taken)) return responseOf(method, await run())
    const deed = { caller: caller.name, call: `store.${method}`, target: targetOf(method, taken) }
    return responseOf(method, await audited(deed, this.#parts, run))
  }
}

/** Whether tasks are told as they are, or looked for by what they hold. */
function showsRaw(method: PortMethod, taken: unknown): boolean {
  if (method === 'get' || method === 'outcomes' || method === 'list') return true
  if (method !== 'command') return false
  const { target } = taken as CommandRequest
  if (!('filter' in target)) return false
  const { tag, metadata, text } = target.filter
  return [tag, metadata, text].some((value) => value !== undefined)
}

/**
 * Who runs tasks gets them as they are, and so may see them; from others a server hides what its redaction hides.
 *
 * @throws AccessError `forbidden`
 */
function seeingRaw(caller: Caller): Caller {
  const seeing = caller.narrowedTo('work')
  if (seeing.mayAnywhere('work')) return seeing
  throw new AccessError('forbidden', 'This server hides what tasks hold, which this would show as it is.', {
    hint: 'Read tasks by REST or the TaskService, or use a credential that may work.',
  })
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
