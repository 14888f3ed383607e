import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, test } from 'vitest'
import { CALLS } from '../../src/service/calls.ts'
import { STREAMS } from '../../src/service/streams.ts'
import { ROUTES, STREAM_ROUTES } from '../../src/rest/routes.ts'
import { openApiDocument } from '../../src/rest/openapi.ts'
import { Stage } from '../stage.ts'
import { answerOf, ask, requestOf } from './requests.ts'
import { prepared } from '../calls/prepared.ts'

test('every call has one route, and every route a call', () => {
  expect(ROUTES.map(({ call }) => call).toSorted()).toEqual([...CALLS.keys()].toSorted())
  expect(STREAM_ROUTES.map(({ call }) => call).toSorted()).toEqual([...STREAMS.keys()].toSorted())
})

test('the document is valid OpenAPI 3.1, and public', async () => {
  await using stage = new Stage()
  const { status, body } = await ask(stage.server, '/openapi.json', { as: 'nobody' })
  expect(status).toBe(200)
  const validator = new Validator()
  expect(await validator.validate(body as Record<string, unknown>)).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

test('the document says of each operation who may, what is answered, and what is refused', () => {
  const { paths = {} } = openApiDocument('')
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item as object).map(([method, operation]) => ({
      path,
      method,
      operation: operation as Operation,
    })),
  )
  expect(operations.length).toBe(ROUTES.length + STREAM_ROUTES.length)
  const told = operations.map(({ path, operation: { summary, tags, responses } }) => {
    const statuses = ['200', '400', '401', '403', '500'].filter((status) => status in responses)
    return { path, isSentence: summary.endsWith('.'), tags: tags.length, statuses: statuses.length }
  })
  expect(told).toEqual(operations.map(({ path }) => ({ path, isSentence: true, tags: 1, statuses: 5 })))
})

interface Operation {
  readonly summary: string
  readonly tags: readonly string[]
  readonly responses: object
}

describe('the examples work', () => {
  test.each(ROUTES.map((route) => [route.call, route] as const))('%s', async (name, route) => {
    await using stage = new Stage()
    await prepared(stage, name)
    const example = CALLS.get(name)!.example as Readonly<Record<string, unknown>>
    const answer = await answerOf(
      await stage.server.fetch(requestOf(route, example, { authorization: 'Bearer root' })),
    )
    expect(answer.body).not.toHaveProperty('code')
    expect([200, 201]).toContain(answer.status)
    expect(CALLS.get(name)!.output.safeParse(answer.body).error).toBeUndefined()
  })
})
