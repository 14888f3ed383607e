/** The OpenAPI document, made of the routes and the schemas of their calls. */
import { OpenAPIHono, z, type RouteConfig } from '@hono/zod-openapi'
import type { CallTraits } from '../service/call.ts'
import { CALLS } from '../service/calls.ts'
import { KINDS } from '../service/problem-kinds.ts'
import { STREAMS } from '../service/streams.ts'
import { withOpenAnswers } from './open-answers.ts'
import { withSpanRefs } from './span-refs.ts'
import { pathMembers, ROUTES, STREAM_ROUTES, type QueryKind, type Route } from './routes.ts'

type Document = ReturnType<OpenAPIHono['getOpenAPI31Document']>

const Problem = z
  .strictObject({
    type: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'Stable, for programs.' }),
    title: z.string(),
    detail: z.string(),
    hint: z.string().optional().meta({ description: 'What can be done about it.' }),
    instance: z.string(),
    issues: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
    requestId: z.string().optional().meta({
      description:
        'Names the entry in the log of the server, as the header X-Request-Id of every answer does.',
    }),
  })
  .meta({ description: 'What went wrong, as RFC 9457 has it.' })

const { $schema: _, ...PROBLEM } = z.toJSONSchema(Problem)

const TAGS: Readonly<Record<string, string>> = {
  tasks: 'Enqueue tasks, look at them, wait for them, and act on them.',
  definitions: 'What workers have published.',
  stats: 'How much there is.',
  queues: 'Pauses, retention, and limits of queues.',
  schedules: 'What is enqueued again and again.',
  workers: 'Workers, and orders to them.',
  limits: 'How much may run at once or in a time.',
  breakers: 'Circuit breakers.',
  partitions: 'Weights of partitions.',
  budgets: 'How much queues and partitions may hold and use.',
  locks: 'Locks that are held.',
  events: 'How tasks end, as it happens.',
}

/** What each status stands for, with the codes that its problems have. */
const REFUSALS: ReadonlyMap<number, string> = refusalsByStatus()
const COMMON = [400, 401, 403, 406, 429, 500, 503]
const WITH_BODY = [409, 413, 415, 422]
/** Statuses whose problems may pass. */
const AGAIN: ReadonlySet<number> = new Set([429, 503])

const HEADERS = {
  'X-Request-Id': { schema: { type: 'string' }, description: 'Names the request in the log of the server.' },
} as const
const RETRY_AFTER = {
  schema: { type: 'integer' },
  description: 'In how many seconds it is worth another try.',
} as const

/** @param basePath where the API is mounted */
export function openApiDocument(basePath: string): Document {
  const documented = new OpenAPIHono()
  const registry = documented.openAPIRegistry
  registry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, or a JWT.',
  })
  registry.registerComponent('securitySchemes', 'certificate', {
    type: 'mutualTLS',
    description: "The client's certificate.",
  })
  registry.registerComponent('schemas', 'Problem', PROBLEM as object)
  for (const status of [...COMMON, ...WITH_BODY, 404])
    registry.registerComponent('responses', refusalName(status), refusalOf(status))
  for (const route of ROUTES) registry.registerPath(operation(route, CALLS.get(route.call)!))
  for (const route of STREAM_ROUTES) registry.registerPath(streamOperation(route, STREAMS.get(route.call)!))
  const document = documented.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      version: '1',
      description:
        'A distributed task queue: REST over any store. Answers may come to have more members, and problems other codes: leave alone what is not known.',
      license: { name: 'MIT', url: 'https://spdx.org/licenses/MIT' },
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    security: [{ bearer: [] }, { certificate: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  })
  return withOpenAnswers(withSpanRefs(document))
}

function operation(route: Route, call: CallTraits): RouteConfig {
  const created = route.answers === 'created' ? { 201: answerOf('It is enqueued.', call) } : {}
  return {
    ...common(route, call),
    responses: {
      200: answerOf(route.answers === 'created' ? 'It was there already.' : 'Done.', call),
      ...created,
      ...refusals(route),
    },
  }
}

function streamOperation(route: Route, call: CallTraits): RouteConfig {
  const description =
    'Server-sent events: `data` is JSON of this shape, and `event` its type. A last event, `end` or `error`, says why there are no more.'
  return {
    ...common(route, call),
    responses: {
      200: { description, headers: HEADERS, content: { 'text/event-stream': { schema: call.output } } },
      ...refusals(route),
    },
  }
}

function answerOf(description: string, call: CallTraits): RouteConfig['responses'][number] {
  return { description, headers: HEADERS, content: { 'application/json': { schema: call.output } } }
}

function common(route: Route, call: CallTraits): Omit<RouteConfig, 'responses'> {
  const example = call.example as Readonly<Record<string, unknown>>
  const [tag = ''] = call.name.split('.')
  return {
    method: route.method.toLowerCase() as RouteConfig['method'],
    path: `/v1${route.path}`,
    operationId: call.name,
    summary: call.summary,
    tags: [tag],
    description: `A role that may \`${call.permission}\`.`,
    request: {
      params: parametersOf(pathMembers(route), call, { example }),
      query: parametersOf(Object.keys(route.query ?? {}), call, { example, kinds: route.query }),
      headers: headersOf(route, call),
      ...(route.body === undefined ? {} : { body: bodyOf(route, call, example) }),
    },
  }
}

type Shape = Readonly<Record<string, z.ZodType>>

function shapeOf({ input, name }: CallTraits): Shape {
  if (input instanceof z.ZodObject) return input.shape as Shape
  throw new TypeError(`The input of ${name} has no members that could stand in the path or the query.`)
}

/** Parameters are documented one by one, with the member of the example as theirs. */
function parametersOf(
  members: readonly string[],
  call: CallTraits,
  {
    example,
    kinds = {},
  }: {
    readonly example: Readonly<Record<string, unknown>>
    readonly kinds?: Readonly<Record<string, QueryKind>> | undefined
  },
): z.ZodObject | undefined {
  if (members.length === 0) return undefined
  const shape = shapeOf(call)
  return z.object(
    Object.fromEntries(
      members.map((member) => {
        const style = kinds[member] === 'map' ? { style: 'deepObject', explode: true } : {}
        const param = { ...style, ...(example[member] === undefined ? {} : { example: example[member] }) }
        return [member, shape[member]!.meta({ ...shape[member]!.meta(), param })]
      }),
    ),
  )
}

function headersOf({ headers = {} }: Route, call: CallTraits): z.ZodObject | undefined {
  const entries = Object.entries(headers)
  if (entries.length === 0) return undefined
  const shape = shapeOf(call)
  return z.object(Object.fromEntries(entries.map(([member, header]) => [header, shape[member]!])))
}

function bodyOf(
  route: Route,
  call: CallTraits,
  example: Readonly<Record<string, unknown>>,
): NonNullable<NonNullable<RouteConfig['request']>['body']> {
  const elsewhere = new Set([...pathMembers(route), ...Object.keys(route.headers ?? {})])
  const schema = elsewhere.size === 0 ? call.input : without(call, elsewhere)
  const shown = Object.fromEntries(Object.entries(example).filter(([member]) => !elsewhere.has(member)))
  return {
    required: !schema.safeParse({}).success,
    content: { 'application/json': { schema, example: shown } },
  }
}

function without(call: CallTraits, members: ReadonlySet<string>): z.ZodType {
  const left = Object.entries(shapeOf(call)).filter(([member]) => !members.has(member))
  return z.strictObject(Object.fromEntries(left)).meta({ ...call.input.meta() })
}

/** They are the same everywhere: so they are written down once, as components. */
function refusals(route: Route): RouteConfig['responses'] {
  const hasName = pathMembers(route).length > 0
  const statuses = [...COMMON, ...(route.method === 'GET' ? [] : WITH_BODY), ...(hasName ? [404] : [])]
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${refusalName(status)}` }]),
  )
}

function refusalName(status: number): string {
  return `Refused${status}`
}

function refusalOf(status: number) {
  return {
    description: REFUSALS.get(status)!,
    headers: AGAIN.has(status) ? { ...HEADERS, 'Retry-After': RETRY_AFTER } : HEADERS,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

function refusalsByStatus(): ReadonlyMap<number, string> {
  const told = new Map<number, string>()
  for (const [code, { http, title }] of Object.entries(KINDS)) {
    if (http === 500 && code !== 'internal') continue
    const before = told.get(http)
    told.set(http, `${before === undefined ? '' : `${before} `}${title} (\`${code}\`).`)
  }
  return told
}
