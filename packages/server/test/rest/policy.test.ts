/** Who may do what: every route × every role × a queue of their own and a foreign one. */
import { describe, expect, test } from 'vitest'
import { ROLES } from '../../src/access/roles.ts'
import { ROUTES, STREAM_ROUTES } from '../../src/rest/routes.ts'
import { POLICIES, staged, type Foreign, type Input } from '../calls/policies.ts'
import { requestOf, routeOf } from './requests.ts'
import type { Stage } from '../stage.ts'

const ROUTED = [...ROUTES, ...STREAM_ROUTES]

test('every route has a policy', () => {
  expect(Object.keys(POLICIES).toSorted()).toEqual(ROUTED.map(({ call }) => call).toSorted())
})

/** The status, and the beginning of what was answered: a stream has no end. */
async function asked(
  { server }: Stage,
  call: string,
  { input, as }: { readonly input: Input; readonly as: string },
): Promise<{ readonly status: number; readonly text: string }> {
  const headers: Record<string, string> = as === '' ? {} : { authorization: `Bearer ${as}` }
  const response = await server.fetch(requestOf(routeOf(call), input, headers))
  if (!(response.headers.get('content-type') ?? '').startsWith('text/event-stream'))
    return { status: response.status, text: await response.text() }
  await response.body!.cancel()
  return { status: response.status, text: '' }
}

/** Whether an answer tells that the foreign queue, or something of it, is there. */
function leaks({ status, text }: { readonly status: number; readonly text: string }): boolean {
  if (status === 200) return text.includes('theirs')
  return status === 404 && text.replaceAll(/"(instance|hint)":"[^"]*"/g, '').includes('queue')
}

describe.each(ROUTED.map(({ call }) => call))('%s', (call) => {
  const { roles, foreign, input } = POLICIES[call]!
  const REFUSAL: Readonly<Record<Foreign, number>> = {
    hidden: 404,
    refused: 403,
    'left out': 200,
    nobody: 403,
  }

  test('without a credential it is refused', async () => {
    await using stage = await staged()
    expect(await asked(stage, call, { input: input('mine'), as: '' })).toMatchObject({ status: 401 })
    expect(await asked(stage, call, { input: input('mine'), as: 'unknown' })).toMatchObject({ status: 401 })
  })

  test.each(ROLES)('as %s', async (role) => {
    await using stage = await staged()
    stage.grant('limited', role, 'mine')
    stage.grant('everywhere', role, '**')
    // a name that begins alike is another queue
    stage.grant('similar', role, 'mine.*', 'min', 'mines')
    const may = roles.includes(role)
    const refusal = may ? REFUSAL[foreign] : 403
    const before = await stage.mill.queues.list()
    const theirs = await asked(stage, call, { input: input('theirs'), as: 'limited' })
    const changed = JSON.stringify(await stage.mill.queues.list()) !== JSON.stringify(before)
    expect({ ...theirs, leaks: leaks(theirs), changed }).toMatchObject({
      status: refusal,
      leaks: false,
      changed: false,
    })
    const similar = await asked(stage, call, { input: input('mine'), as: 'similar' })
    expect(similar).toMatchObject({ status: refusal })
    const mine = await asked(stage, call, { input: input('mine'), as: 'limited' })
    expect({ ...mine, isDone: mine.status < 300 }).toMatchObject({ isDone: may && foreign !== 'nobody' })
    const everywhere = await asked(stage, call, { input: input('theirs'), as: 'everywhere' })
    expect({ ...everywhere, isDone: everywhere.status < 300 }).toMatchObject({ isDone: may })
  })
})
