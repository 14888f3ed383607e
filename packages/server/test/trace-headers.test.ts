/** The trace of a caller, on its way into the headers of tasks; and what logs may show. */
import { expect, test } from 'vitest'
import { traceHeaders } from '../src/tracing/trace-headers.ts'
import { maskedHeaders, maskedUrl } from '../src/logging/masked.ts'

const TRACE = '1'.repeat(32)
const SPAN = '2'.repeat(16)
const parent = `00-${TRACE}-${SPAN}-01`

const copied = (given: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  traceHeaders((name) => given[name])

test('what W3C says goes on, and nothing else', () => {
  expect(
    copied({
      traceparent: parent,
      tracestate: 'a=b',
      baggage: 'c=d',
      authorization: 'Bearer x',
      cookie: 'y',
    }),
  ).toEqual({
    traceparent: parent,
    tracestate: 'a=b',
    baggage: 'c=d',
  })
  expect(copied({})).toEqual({})
  expect(traceHeaders((name) => new Headers({ TraceParent: parent }).get(name))).toEqual({
    traceparent: parent,
  })
})

test.each([
  ['a later version goes on without what it adds', `cc-${TRACE}-${SPAN}-01-more`, `cc-${TRACE}-${SPAN}-01`],
  ['blanks around it', ` ${parent} `, parent],
  ['no trace', `00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
  ['no span', `00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  ['capitals', `00-${'A'.repeat(32)}-${SPAN}-01`, undefined],
  ['a version that is none', `ff-${TRACE}-${SPAN}-01`, undefined],
  ['more than version 0 has', `${parent}-more`, undefined],
  ['two of them', `${parent},${parent}`, undefined],
  ['anything', 'x'.repeat(100_000), undefined],
])('traceparent: %s', (_, given, expected) => {
  expect(copied({ traceparent: given, tracestate: 'a=b' })).toEqual(
    expected === undefined ? {} : { traceparent: expected, tracestate: 'a=b' },
  )
})

test.each([
  ['tracestate', 'a='.padEnd(513, 'x')],
  ['tracestate', 'a=\n'],
  ['tracestate', ''],
  ['baggage', 'a='.padEnd(4_097, 'x')],
  ['baggage', 'a=\u0000'],
])('%s that is too long or not to be printed is left out', (name, value) => {
  expect(copied({ traceparent: parent, [name]: value })).toEqual({ traceparent: parent })
})

test('headers that may be secrets are shown by their names only', () => {
  const headers = new Headers({
    Authorization: 'Bearer abc',
    Cookie: 'sid=abc',
    'Set-Cookie': 'sid=abc',
    'X-Api-Key': 'abc',
    'Proxy-Authorization': 'abc',
    'X-Amz-Security-Token': 'abc',
    Accept: 'text/plain',
  })
  const shown = maskedHeaders(headers)
  expect(JSON.stringify(shown)).not.toContain('abc')
  expect(shown).toMatchObject({ authorization: '***', accept: 'text/plain' })
})

test.each([
  ['/v1/tasks?queue=mail', '/v1/tasks?queue=mail'],
  ['/v1/events?access_token=abc&queue=mail', '/v1/events?access_token=***&queue=mail'],
  ['/v1?API-KEY=abc', '/v1?API-KEY=***'],
  ['/v1?to%6ben=abc', '/v1?to%6ben=***'],
  ['/v1?%=abc', '/v1?%=***'],
  ['https://ada:abc@host/v1?a=1#x', 'https://ada:***@host/v1?a=1#x'],
  ['https://abc@host/', 'https://***@host/'],
  ['postgres://ada:a/b?c@host/db', 'postgres://***@host/db'],
  ['redis://:abc@host:6379/0', 'redis://:***@host:6379/0'],
])('the URL %s is shown as %s', (url, shown) => expect(maskedUrl(url)).toBe(shown))
