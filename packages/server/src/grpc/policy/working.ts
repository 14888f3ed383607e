/** Who may hold a session, claim tasks, and settle them. */
import { AccessError, InvalidArgumentError } from '@millrace/core'
import type { ExchangeRequest, PublishedDefinition, SessionRequest, Settlement } from '@millrace/core/store'
import { markedHost } from './session-owners.ts'
import { BYTES_MAX, type StorePolicies, type StoreScene } from './policy.ts'

const LEVELS = 5

export const WORKING: StorePolicies<
  'openSession' | 'renew' | 'orderSession' | 'closeSession' | 'exchange' | 'reclaim'
> = {
  openSession: {
    permissions: ['work'],
    reach: 'own',
    async carry(request, scene) {
      const { caller, owners, store } = scene
      for (const queue of request.queues) caller.require('work', queue)
      await owners.require(request.session, caller)
      const answer = await store.openSession(await ownSession(request, scene))
      if (answer.session === 'alive') owners.opened(request.session, caller)
      return answer
    },
  },
  renew: {
    permissions: ['work'],
    reach: 'own',
    async carry(request, { caller, owners, store }) {
      await owners.require(request.session, caller)
      return store.renew(request)
    },
  },
  /** Whoever orders a worker orders it for all queues that it serves. */
  orderSession: {
    permissions: ['operate'],
    reach: 'each',
    async carry(request, { caller, store }) {
      if (!caller.mayEverywhere('operate')) {
        const found = (await store.sessions()).find(({ session }) => session === request.session)
        if (found === undefined) return { session: 'dead' }
        for (const queue of found.queues) caller.require('operate', queue)
        if (found.queues.length === 0) caller.requireEverywhere('operate')
      }
      return store.orderSession(request)
    },
  },
  closeSession: {
    permissions: ['work'],
    reach: 'own',
    async carry(session, { caller, owners, store }) {
      await owners.require(session, caller)
      await store.closeSession(session)
      owners.closed(session)
    },
  },
  exchange: {
    permissions: ['work'],
    reach: 'own',
    async carry(request, scene) {
      const { caller, owners, store } = scene
      const queues = request.demand?.queues ?? []
      for (const { queue, slots } of queues) {
        caller.require('work', queue)
        const levels: number = slots.length
        if (levels !== LEVELS)
          throw new InvalidArgumentError(`The demand for ${queue} has ${levels} levels.`, {
            hint: 'There are five, from critical to batch.',
          })
      }
      await owners.require(request.session, caller)
      if (!caller.mayEverywhere('work')) await requireShuts(request.settlements, scene)
      const answer = await store.exchange(bounded(request))
      if (!caller.mayEverywhere('follow'))
        for (const { id, queue } of answer.claims) scene.queues.note(id, queue)
      return answer
    },
  },
  /** It takes from all queues alike, and so does the server. */
  reclaim: {
    permissions: ['work'],
    reach: 'all or nothing',
    async carry(request, { caller, owners, store }) {
      await owners.require(request.session, caller)
      if (!caller.mayEverywhere('work')) return { session: 'alive', tasks: [] }
      return store.reclaim(request)
    },
  },
}

function bounded(request: ExchangeRequest): ExchangeRequest {
  const { demand } = request
  if (demand === null || demand.bytesMax <= BYTES_MAX) return request
  return { ...request, demand: { ...demand, bytesMax: BYTES_MAX } }
}

/** The session says whose it is, and publishes what is its own to publish. */
async function ownSession(request: SessionRequest, { caller, store }: StoreScene): Promise<SessionRequest> {
  checkDefinitions(request.definitions)
  const host = markedHost(request.host, caller)
  if (caller.mayEverywhere('work') || request.definitions.length === 0) return { ...request, host }
  const known = new Map((await store.definitions()).map((definition) => [definition.type, definition]))
  const isOwn = (definition: PublishedDefinition | undefined): boolean =>
    definition === undefined || caller.may('work', definition.queue)
  const definitions = request.definitions.filter(
    (definition) => isOwn(definition) && isOwn(known.get(definition.type)),
  )
  return { ...request, host, definitions }
}

/** Others read them: workers that start, and who enqueues by a name. */
function checkDefinitions(definitions: readonly PublishedDefinition[]): void {
  for (const { type, options, schema } of definitions)
    if (!isJsonObject(options) || (schema !== null && !isJson(schema)))
      throw new InvalidArgumentError(`The definition of ${type} is not as a worker publishes it.`, {
        hint: 'Its options are a JSON object, and its schema is JSON.',
      })
}

function isJsonObject(text: string): boolean {
  return isJson(text) && /^\s*\{/.test(text)
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A task may shut what it counts under itself: nothing else, which may be what other queues count under. */
async function requireShuts(settlements: readonly Settlement[], { store }: StoreScene): Promise<void> {
  const shuts = settlements.flatMap(({ fence, transition }) =>
    'shut' in transition && transition.shut !== undefined
      ? [{ task: fence.task, shut: transition.shut }]
      : [],
  )
  if (shuts.length === 0) return
  const records = await store.get(shuts.map(({ task }) => task))
  for (const [index, { shut }] of shuts.entries()) {
    const record = records[index]
    if (record === null || record === undefined) continue
    const { queue, type, lane } = record
    const isOwn =
      shut.name === `queue:${queue}` ||
      shut.name === `type:${type}` ||
      lane?.limits.some(({ name, key }) => name === shut.name && key === shut.key) === true
    if (isOwn) continue
    throw new AccessError('forbidden', `The task ${record.id} does not count under the limit ${shut.name}.`, {
      hint: 'A task can hold back only what it counts under itself.',
    })
  }
}
