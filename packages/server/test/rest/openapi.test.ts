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

describe('as those have it who make code of the document', () => {
  const document = openApiDocument('') as unknown as Described
  const { schemas, responses } = document.components
  const operations = Object.values(document.paths).flatMap((item) => Object.values(item))

  test('each member of what is sent says what it is for', () => {
    const told = operations.flatMap(({ operationId, parameters = [], requestBody }) => {
      const schema = requestBody?.content['application/json'].schema
      const name = schema?.$ref?.split('/').at(-1)
      const body = (name === undefined ? schema : schemas[name])?.properties ?? {}
      const members = [...parameters.map((one) => [one.name, one] as const), ...Object.entries(body)]
      return members.map(([member, said]) => [`${operationId} ${member}`, said] as const)
    })
    const silent = told.filter(([, said]) => said.description === undefined && said.$ref === undefined)
    expect(silent.map(([member]) => member)).toEqual([])
    expect(told.length).toBeGreaterThan(100)
  })

  test('no name stands for null, and what is said at one place does not count at all', () => {
    const nullable = Object.entries(schemas).filter(([, { type }]) => Array.isArray(type))
    expect(nullable.map(([name]) => name)).toEqual([])
    expect(schemas['TaskItem']!.properties!['error']).toEqual({
      anyOf: [{ $ref: '#/components/schemas/TaskError' }, { type: 'null' }],
    })
    expect(schemas['Span']!.description).toMatch(/^Milliseconds/)
    expect(schemas['Enqueue']!.properties!['delay']).toEqual({
      $ref: '#/components/schemas/Span',
      description: 'Not before so long.',
    })
  })

  test('answers may come to have more members; what is sent may not', () => {
    const strict = Object.entries(schemas).filter(
      ([, { additionalProperties }]) => additionalProperties === false,
    )
    const names = strict.map(([name]) => name)
    expect(names).toEqual(expect.arrayContaining(['Enqueue', 'Unique', 'TaskFilter']))
    for (const answered of ['Task', 'TaskItem', 'Queue', 'Problem', 'Done'])
      expect(names).not.toContain(answered)
    expect(JSON.stringify(operations.map((one) => one.responses))).not.toContain('additionalProperties')
  })

  test('a status says which codes it has, and when to come back', () => {
    expect(responses['Refused422']!.description).toContain('(`invalid-payload`)')
    expect(responses['Refused429']!.description).toContain('(`rate-limited`)')
    const headers = ['Refused429', 'Refused400'].map((name) => Object.keys(responses[name]!.headers))
    expect(headers).toEqual([['X-Request-Id', 'Retry-After'], ['X-Request-Id']])
  })
})

interface Schema {
  readonly $ref?: string
  readonly description?: string
  readonly type?: unknown
  readonly additionalProperties?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
}

/** What of the document is looked at. */
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly responses: Readonly<Record<string, { readonly description: string; readonly headers: object }>>
  }
}

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly parameters?: readonly (Schema & { readonly name: string })[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
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
