/** Who may do what: every RPC of a call × every role × a queue of their own and a foreign one. */
import { status, type ServiceError } from '@grpc/grpc-js'
import { describe, expect, test } from 'vitest'
import { ROLES } from '../../src/access/roles.ts'
import { CALL_METHODS, CALL_SERVICES, STREAM_METHODS } from '../../src/grpc/call-methods.ts'
import { codecOf } from '../../src/wire/codec.ts'
import { POLICIES, staged, type Foreign, type Input } from '../calls/policies.ts'
import { bearer, GrpcScene, opened } from './grpc-scene.ts'

const METHODS = { ...CALL_METHODS, ...STREAM_METHODS }

test('every RPC of a call has a policy', () => {
  const rpcs = CALL_SERVICES.flatMap(({ methods }) => methods)
  expect(new Set(Object.values(METHODS))).toEqual(new Set(rpcs))
  expect(Object.keys(POLICIES).toSorted()).toEqual(Object.keys(METHODS).toSorted())
})

interface Asked {
  readonly code: status
  readonly text: string
}

async function asked(
  scene: GrpcScene,
  call: string,
  { input, as }: { readonly input: Input; readonly as: string },
): Promise<Asked> {
  const method = METHODS[call]!
  const request = codecOf<object>(method.input, 'left out').encode(input)
  try {
    if (method.methodKind !== 'unary') {
      await opened(scene, method, { request, metadata: bearer(as) })
      return { code: status.OK, text: '' }
    }
    const answer = await scene.unary(method, request, bearer(as))
    return { code: status.OK, text: JSON.stringify(codecOf<unknown>(method.output).decode(answer)) }
  } catch (error) {
    const { code, details } = error as ServiceError
    return { code, text: details }
  }
}

/** Whether an answer tells that the foreign queue, or something of it, is there. */
function leaks({ code, text }: Asked): boolean {
  return code === status.OK ? text.includes('theirs') : code === status.NOT_FOUND && text.includes('queue')
}

const REFUSAL: Readonly<Record<Foreign, status>> = {
  hidden: status.NOT_FOUND,
  refused: status.PERMISSION_DENIED,
  'left out': status.OK,
  nobody: status.PERMISSION_DENIED,
}

describe.each(Object.keys(METHODS))('%s', (call) => {
  const { roles, foreign, input } = POLICIES[call]!

  test('without a credential it is refused', async () => {
    await using scene = await GrpcScene.open(await staged())
    const code = status.UNAUTHENTICATED
    expect(await asked(scene, call, { input: input('mine'), as: '' })).toMatchObject({ code })
    expect(await asked(scene, call, { input: input('mine'), as: 'unknown' })).toMatchObject({ code })
  })

  test.each(ROLES)('as %s', async (role) => {
    const stage = await staged()
    await using scene = await GrpcScene.open(stage)
    stage.grant('limited', role, 'mine')
    stage.grant('everywhere', role, '**')
    // a name that begins alike is another queue
    stage.grant('similar', role, 'mine.*', 'min', 'mines')
    const may = roles.includes(role)
    const refusal = may ? REFUSAL[foreign] : status.PERMISSION_DENIED
    const before = await stage.mill.queues.list()
    const theirs = await asked(scene, call, { input: input('theirs'), as: 'limited' })
    const changed = JSON.stringify(await stage.mill.queues.list()) !== JSON.stringify(before)
    expect({ ...theirs, leaks: leaks(theirs), changed }).toMatchObject({
      code: refusal,
      leaks: false,
      changed: false,
    })
    const similar = await asked(scene, call, { input: input('mine'), as: 'similar' })
    expect(similar).toMatchObject({ code: refusal })
    const mine = await asked(scene, call, { input: input('mine'), as: 'limited' })
    expect({ ...mine, isDone: mine.code === status.OK }).toMatchObject({
      isDone: may && foreign !== 'nobody',
    })
    const everywhere = await asked(scene, call, { input: input('theirs'), as: 'everywhere' })
    expect({ ...everywhere, isDone: everywhere.code === status.OK }).toMatchObject({ isDone: may })
  })
})
