/** Makes requests of the OpenAPI document, and bends them. */
import { openApiDocument } from '../../src/rest/openapi.ts'
import { EXAMPLE_ID } from '../../src/service/tasks/reading.ts'
import { ORIGIN } from './requests.ts'

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | boolean
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly format?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
}

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
}

interface Operation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>
  }
}

interface Target {
  readonly method: string
  readonly path: string
  readonly operation: Operation
}

/** What may make something stumble. */
const ODD: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  -0,
  Number.MAX_SAFE_INTEGER,
  2 ** 60,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '💣'.repeat(300),
  'x'.repeat(5_000),
  '../../etc/passwd',
  "'; DROP TABLE tasks; --",
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  '%',
  '999999999999999w',
  '0ms',
  '1ms',
  '2026-02-30T00:00:00Z',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59Z',
  [],
  {},
  [[[[[[]]]]]],
  { toString: 1, hasOwnProperty: 2 },
]

const ODD_HEADERS: readonly (readonly [string, string])[] = [
  ['content-type', 'text/plain'],
  ['content-type', 'application/json; charset=utf-16'],
  ['content-encoding', 'br'],
  ['content-length', '99999999999'],
  ['accept', 'image/png'],
  ['accept', ';;;,,q=x'],
  ['origin', 'https://evil.example'],
  ['sec-fetch-site', 'cross-site'],
  ['idempotency-key', 'x'.repeat(300)],
  ['idempotency-key', 'k'],
  ['last-event-id', '\u00e9'],
  ['authorization', 'Bearer nobody'],
  ['host', 'evil.example'],
]

const NAMES = ['default', 'greet', 'nightly', 'stripe', 'acme', 'media']

interface Random {
  /** 32 random bits. */
  bits(): number
}

export class Bender {
  /** The body of the last request. */
  text = ''
  readonly #draw: () => number
  readonly #targets: readonly Target[]
  readonly #schemas: Readonly<Record<string, Schema>>

  constructor(random: Random) {
    this.#draw = () => random.bits()
    const { paths = {}, components = {} } = openApiDocument('')
    this.#schemas = (components.schemas ?? {}) as Readonly<Record<string, Schema>>
    this.#targets = Object.entries(paths).flatMap(([path, item]) =>
      Object.entries(item as object).map(([method, operation]): Target => {
        return { method: method.toUpperCase(), path, operation: operation as Operation }
      }),
    )
  }

  request(): Request {
    const { method, path, operation } = this.#one(this.#targets)
    const headers = new Headers({ authorization: 'Bearer root' })
    const { parameters = [], requestBody } = operation
    let place = path
    const search = new URLSearchParams()
    for (const { name, in: where, required = false, schema } of parameters) {
      if (!required && this.#chance(2)) continue
      const given = this.#bent(this.#value(schema))
      if (where === 'path')
        place = place.replace(`{${name}}`, encodeURIComponent(textOf(given).toWellFormed()))
      else if (where === 'query') addTo(search, name, given)
      else
        headers.set(
          name,
          textOf(given)
            .replaceAll(/[^\x20-\x7e]/g, '?')
            .slice(0, 400),
        )
    }
    if (this.#chance(30)) search.set(textOf(this.#one(ODD)).toWellFormed(), 'x')
    const body = requestBody === undefined ? undefined : this.#body(requestBody.content['application/json']!)
    if (body !== undefined) headers.set('content-type', 'application/json')
    if (this.#chance(15)) headers.set(...this.#one(ODD_HEADERS))
    const other = this.#chance(40)
      ? this.#one(['PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD', 'QUERY'])
      : method
    const url = `${ORIGIN}${place}${search.size === 0 ? '' : `?${search.toString()}`}`
    this.text = body ?? ''
    const hasBody = other !== 'GET' && other !== 'HEAD' && body !== undefined
    return new Request(url, { method: other, headers, ...(hasBody ? { body } : {}) })
  }

  #body({ schema, example }: { readonly schema: Schema; readonly example?: unknown }): string {
    const made = this.#chance(3) && example !== undefined ? example : this.#value(schema)
    const text = JSON.stringify(this.#chance(2) ? made : this.#bent(made)) ?? ''
    if (!this.#chance(20)) return text
    const at = this.#below(text.length + 1)
    return this.#chance(2)
      ? text.slice(0, at)
      : `${text.slice(0, at)}${this.#one(['"', '}', '[', '\\u', '\u0000', '{"'])}${text.slice(at)}`
  }

  /** A value that a schema describes, as far as is needed here. */
  #value(given: Schema, depth = 0): unknown {
    const schema = given.$ref === undefined ? given : this.#schemas[given.$ref.split('/').at(-1)!]!
    if (schema.const !== undefined) return schema.const
    if (schema.enum !== undefined) return this.#one(schema.enum)
    const some = schema.anyOf ?? schema.oneOf
    if (some !== undefined) return this.#value(this.#one(some), depth)
    if (schema.allOf !== undefined) return this.#value(schema.allOf[0]!, depth)
    const type = typeof schema.type === 'string' ? schema.type : this.#one(schema.type ?? ['any'])
    switch (type) {
      case 'object':
        return this.#object(schema, depth)
      case 'array':
        return Array.from({ length: 1 + this.#below(3) }, () => this.#value(schema.items ?? {}, depth + 1))
      case 'string':
        return this.#string(schema)
      case 'integer':
      case 'number':
        return Math.min(schema.maximum ?? 100, Math.max(schema.minimum ?? 0, this.#below(50)))
      case 'boolean':
        return this.#chance(2)
      case 'null':
        return null
      default:
        return this.#one([{ name: 'Ada' }, { name: 'Ada' }, { name: 7 }, null, 'x', [1]])
    }
  }

  #object({ properties = {}, required = [], additionalProperties }: Schema, depth: number): unknown {
    const members = Object.entries(properties).filter(
      ([name]) => required.includes(name) || this.#chance(depth + 3),
    )
    const made: Record<string, unknown> = Object.fromEntries(
      members.map(([name, schema]) => [name, this.#value(schema, depth + 1)]),
    )
    if (typeof additionalProperties === 'object')
      made[this.#one(NAMES)] = this.#value(additionalProperties, depth + 1)
    return made
  }

  #string({ format, pattern = '' }: Schema): string {
    if (format === 'uuid')
      return this.#one([
        EXAMPLE_ID,
        '0198c0de-0000-7000-8000-00000000aaaa',
        '0198c0de-0000-7000-8000-000000000001',
      ])
    if (format === 'date-time') return this.#one(['2026-01-01T00:00:00Z', '2030-01-01T00:00:00+02:00'])
    // a wait takes its time
    if (pattern.includes('(ms|s|m)')) return '1ms'
    if (pattern.includes('(ms|s|m')) return this.#one(['1ms', '5s', '2m'])
    if (pattern !== '') return this.#one(NAMES)
    return this.#one([...NAMES, '30 2 * * *', 'Europe/Berlin', 'k'])
  }

  /** The same, with something odd in it now and then. */
  #bent(value: unknown): unknown {
    if (this.#chance(12)) return this.#one(ODD)
    if (Array.isArray(value)) return value.map((member) => this.#bent(member))
    if (typeof value !== 'object' || value === null) return value
    const members = Object.entries(value).filter(() => !this.#chance(20))
    const bent = Object.fromEntries(members.map(([name, member]) => [name, this.#bent(member)]))
    return this.#chance(20) ? { ...bent, [textOf(this.#one(ODD))]: this.#one(ODD) } : bent
  }

  #one<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!
  }

  #below(max: number): number {
    return (this.#draw() >>> 0) % max
  }

  /** Once in so many times. */
  #chance(times: number): boolean {
    return this.#below(times) === 0
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function addTo(search: URLSearchParams, name: string, value: unknown): void {
  if (Array.isArray(value)) for (const one of value) search.append(name, textOf(one).toWellFormed())
  else if (typeof value === 'object' && value !== null)
    for (const [key, one] of Object.entries(value))
      search.append(`${name}[${key}]`, textOf(one).toWellFormed())
  else search.append(name, textOf(value).toWellFormed())
}
