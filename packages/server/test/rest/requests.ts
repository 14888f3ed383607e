/** Calls as requests: the same table that the server goes by, read the other way. */
import { pathMembers, ROUTES, STREAM_ROUTES, type Route } from '../../src/rest/routes.ts'
import type { Server } from '../../src/index.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

export const ORIGIN = 'http://localhost'

export function routeOf(call: string): Route {
  const route = [...ROUTES, ...STREAM_ROUTES].find((one) => one.call === call)
  if (route === undefined) throw new Error(`${call} has no route`)
  return route
}

/** The request that makes a call. */
export function requestOf(
  route: Route,
  input: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Request {
  const left = new Map(Object.entries(input))
  const taken = (member: string): unknown => {
    const value = left.get(member)
    left.delete(member)
    return value
  }
  const path = pathMembers(route).reduce(
    (text, member) => text.replace(`{${member}}`, encodeURIComponent(textOf(taken(member)))),
    `/v1${route.path}`,
  )
  const search = new URLSearchParams()
  for (const member of Object.keys(route.query ?? {})) {
    const value = taken(member)
    if (Array.isArray(value)) for (const one of value) search.append(member, String(one))
    else if (typeof value === 'object' && value !== null)
      for (const [key, text] of Object.entries(value)) search.append(`${member}[${key}]`, String(text))
    else if (value !== undefined) search.append(member, textOf(value))
  }
  const all = new Headers(headers)
  for (const [member, header] of Object.entries(route.headers ?? {})) {
    const value = taken(member)
    if (value !== undefined) all.set(header, textOf(value))
  }
  const url = `${ORIGIN}${path}${search.size === 0 ? '' : `?${search.toString()}`}`
  if (route.body === undefined) return new Request(url, { method: route.method, headers: all })
  all.set('content-type', 'application/json')
  return new Request(url, {
    method: route.method,
    headers: all,
    body: JSON.stringify(Object.fromEntries(left)),
  })
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  }
}

export interface Asked {
  readonly method?: string
  readonly as?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** One request, by hand. A body that is a text is sent as it is. */
export async function ask(
  { fetch }: Pick<Server, 'fetch'>,
  path: string,
  { method, as = 'root', body, headers = {} }: Asked = {},
): Promise<Answer> {
  const all = new Headers({ authorization: `Bearer ${as}`, ...headers })
  if (body !== undefined && !all.has('content-type')) all.set('content-type', 'application/json')
  const text = typeof body === 'string' || body === undefined ? (body ?? null) : JSON.stringify(body)
  const request = new Request(`${ORIGIN}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: all,
    body: text,
  })
  return answerOf(await fetch(request))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
