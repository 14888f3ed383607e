/** Who may command tasks and queues, look at them, and look after the store. */
import { AccessError, InvalidArgumentError } from '@millrace/core'
import type {
  CommandAnswer,
  CommandOutcome,
  CommandRequest,
  ListAnswer,
  ListRequest,
  Store,
  TaskId,
  TaskSummary,
} from '@millrace/core/store'
import { narrowFilter } from '../../service/narrow-filter.ts'
import { fittingPage } from '../../service/pages.ts'
import { givenHost } from './session-owners.ts'
import {
  BYTES_MAX,
  FOLLOWING,
  LOOKING,
  mayAllEverywhere,
  mayAny,
  mayLead,
  pageOf,
  type StorePolicies,
  type StoreScene,
} from './policy.ts'
import type { Permission } from '../../access/roles.ts'

export const CONTROL: StorePolicies<'command' | 'configureQueue' | 'sweep' | 'deliver' | 'prune' | 'audit'> =
  {
    /** Tasks of other queues are answered as if there were none. */
    command: {
      permissions: ['operate', 'enqueue'],
      reach: 'seen',
      carry: (request, scene) => command(request, scene),
    },
    configureQueue: {
      permissions: ['operate'],
      reach: 'each',
      carry: (request, { caller, store }) => {
        caller.require('operate', request.queue)
        return store.configureQueue(request)
      },
    },
    sweep: {
      permissions: ['work'],
      reach: 'all or nothing',
      carry: async (request, { caller, store }) =>
        caller.mayEverywhere('work') ? store.sweep(request) : { changed: 0, more: false },
    },
    deliver: {
      permissions: ['work'],
      reach: 'all or nothing',
      carry: async (request, { caller, store }) =>
        caller.mayEverywhere('work') ? store.deliver(request) : { changed: 0, more: false },
    },
    prune: {
      permissions: ['work'],
      reach: 'all or nothing',
      carry: async (request, { caller, store }) =>
        mayLead(caller) ? store.prune(request) : { changed: 0, more: false },
    },
    audit: {
      permissions: ['administer'],
      reach: 'all',
      carry: (request, { caller, store }) => {
        caller.requireEverywhere('administer')
        return store.audit({ ...request, limit: pageOf(request.limit) })
      },
    },
  }

export const INSPECTION: StorePolicies<
  | 'get'
  | 'outcomes'
  | 'list'
  | 'queues'
  | 'waitingRoutes'
  | 'dueSoon'
  | 'standing'
  | 'sessions'
  | 'definitions'
  | 'now'
> = {
  get: {
    permissions: FOLLOWING,
    reach: 'seen',
    async carry(ids, { caller, store }) {
      const records = await store.get(ids)
      if (mayAllEverywhere(caller, FOLLOWING)) return records
      return records.map((record) =>
        record !== null && mayAny(caller, FOLLOWING, record.queue) ? record : null,
      )
    },
  },
  outcomes: {
    permissions: FOLLOWING,
    reach: 'seen',
    async carry(asked, { caller, store, queues }) {
      const request = { ...asked, bytesMax: Math.min(asked.bytesMax, BYTES_MAX) }
      if (mayAllEverywhere(caller, FOLLOWING)) return store.outcomes(request)
      const places = await queues.of(request.ids, 'lately')
      const seen = places.map((queue) => queue !== undefined && mayAny(caller, FOLLOWING, queue))
      if (!seen.includes(true)) return seen.map(() => null)
      const ids = request.ids.filter((_, index) => seen[index])
      const answers = (await store.outcomes({ ...request, ids })).values()
      return seen.map((one) => (one ? (answers.next().value ?? null) : null))
    },
  },
  list: {
    permissions: LOOKING,
    reach: 'seen',
    async carry(asked, { caller, store }) {
      const request = { ...asked, limit: pageOf(asked.limit) }
      if (mayAllEverywhere(caller, LOOKING)) return pageFrom(store, request)
      const { queue } = request.filter
      if (queue !== undefined && !mayAny(caller, LOOKING, queue)) return { tasks: [], next: null }
      if (queue !== undefined) return pageFrom(store, request)
      const { asked: filter, fits } = narrowFilter(request.filter)
      const isSeen = (task: TaskSummary): boolean => mayAny(caller, LOOKING, task.queue) && fits(task)
      const { tasks, next } = await pageFrom(store, { ...request, filter }, isSeen)
      return { tasks: tasks.filter(isSeen), next }
    },
  },
  queues: {
    permissions: LOOKING,
    reach: 'seen',
    carry: async (_, { caller, store }) =>
      (await store.queues()).filter(({ queue }) => mayAny(caller, LOOKING, queue)),
  },
  waitingRoutes: {
    permissions: LOOKING,
    reach: 'seen',
    carry: async (_, { caller, store }) =>
      (await store.waitingRoutes()).filter(({ queue }) => mayAny(caller, LOOKING, queue)),
  },
  dueSoon: {
    permissions: LOOKING,
    reach: 'seen',
    carry: async (request, { caller, store }) =>
      (await store.dueSoon({ ...request, limit: pageOf(request.limit) })).filter(({ queue }) =>
        mayAny(caller, LOOKING, queue),
      ),
  },
  standing: {
    permissions: FOLLOWING,
    reach: 'seen',
    async carry(request, { caller, store, queues }) {
      if (mayAllEverywhere(caller, FOLLOWING)) return store.standing(request)
      const [queue] = await queues.of([request.id], 'lately')
      if (queue === undefined || !mayAny(caller, FOLLOWING, queue)) return null
      const standing = await store.standing(request)
      if (standing === null || standing.keyHolder === null) return standing
      const [holder] = await queues.of([standing.keyHolder], 'lately')
      const isSeen = holder !== undefined && mayAny(caller, FOLLOWING, holder)
      return isSeen ? standing : { ...standing, keyHolder: null }
    },
  },
  /** Workers of queues that it may see, and of these what they serve of those. */
  sessions: {
    permissions: LOOKING,
    reach: 'seen',
    async carry(_, { caller, store }) {
      const isEverything = mayAllEverywhere(caller, LOOKING)
      const shown = (await store.sessions()).map((session) => ({
        ...session,
        host: givenHost(session.host),
        queues: session.queues.filter((queue) => isEverything || mayAny(caller, LOOKING, queue)),
      }))
      return isEverything ? shown : shown.filter(({ queues }) => queues.length > 0)
    },
  },
  /** Who enqueues by name needs them, too. */
  definitions: {
    permissions: ['enqueue', ...LOOKING],
    reach: 'seen',
    carry: async (_, { caller, store }) =>
      (await store.definitions()).filter(({ queue }) => mayAny(caller, ['enqueue', ...LOOKING], queue)),
  },
  now: {
    permissions: ['enqueue', ...FOLLOWING, 'operate'],
    reach: 'any',
    carry: (_, { store }) => store.now(),
  },
}

/** Who enqueues may take it back. */
function commanding({ command: { kind } }: CommandRequest): readonly Permission[] {
  return kind === 'cancel' ? ['operate', 'enqueue'] : ['operate']
}

async function command(request: CommandRequest, scene: StoreScene): Promise<CommandAnswer> {
  const { caller, store } = scene
  const permissions = commanding(request)
  if (!permissions.some((permission) => caller.mayAnywhere(permission))) caller.requireAnywhere('operate')
  if (mayAllEverywhere(caller, permissions)) return store.command(request)
  const { target } = request
  if ('ids' in target) return commandIds(request, target.ids, { ...scene, permissions })
  const { queue } = target.filter
  if (queue !== undefined && mayAny(caller, permissions, queue)) return store.command(request)
  throw new AccessError('forbidden', 'This credential may not command tasks of all queues.', {
    hint: 'Let the filter name a queue that it may operate.',
  })
}

async function commandIds(
  request: CommandRequest,
  ids: readonly TaskId[],
  { caller, store, queues, permissions }: StoreScene & { readonly permissions: readonly Permission[] },
): Promise<CommandAnswer> {
  if (ids.length > request.tasksMax)
    throw new InvalidArgumentError(`A command has ${ids.length} ids, and ${request.tasksMax} are the most.`)
  const places = await queues.of(ids, 'now')
  const allowed = places.map((queue) => queue !== undefined && mayAny(caller, permissions, queue))
  const own = ids.filter((_, index) => allowed[index])
  const unknown: CommandOutcome = 'unknown'
  if (own.length === 0) return { matched: 0, changed: 0, outcomes: ids.map(() => unknown), cursor: null }
  const answer = await store.command({ ...request, target: { ids: own } })
  const outcomes = answer.outcomes.values()
  return { ...answer, outcomes: allowed.map((one) => (one ? (outcomes.next().value ?? unknown) : unknown)) }
}

/** No longer than it has to be. */
async function pageFrom(
  store: Store,
  request: ListRequest,
  isSeen?: (task: TaskSummary) => boolean,
): Promise<ListAnswer> {
  const { limit, cursor } = request
  const read = (count: number, from: string | null): Promise<ListAnswer> =>
    store.list({ ...request, limit: count, cursor: from })
  const { tasks, next = null } = await fittingPage({ limit, cursor, read, isSeen })
  return { tasks, next }
}
