/** The trace of a caller, on its way into the headers of tasks. */
import { expect, test } from 'vitest'
import { traceHeaders } from '../src/tracing/trace-headers.ts'

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
