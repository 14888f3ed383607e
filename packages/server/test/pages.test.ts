/** What the pages of the server list, against what there is. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROLES } from '../src/access/roles.ts'
import { LISTEN_LIMITS } from '../src/listen/limits.ts'
import { KINDS } from '../src/service/problem-kinds.ts'

const DOCS = join(import.meta.dirname, '../../../docs')
const PROTO = join(import.meta.dirname, '../proto')

/** The cells of the rows of a page below a heading, up to the next one. */
function rowsOf(page: string, heading: string): readonly (readonly string[])[] {
  const text = readFileSync(join(DOCS, page), 'utf8')
  const [section = ''] = text.slice(text.indexOf(`\n## ${heading}\n`) + 1).split(/\n(?=## )/)
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

const namesIn = (cell = ''): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, s: 1_000, min: 60_000 }

test('the limits of both ports are those that are told', () => {
  const told = rowsOf('server.md', 'Limits').flatMap(([names, values = '']) =>
    namesIn(names).map((name, index) => {
      const [, number = '', unit = ''] =
        /^([\d ]+?) ?([A-Za-z]*)$/.exec(values.split(', ')[index] ?? '') ?? []
      return [name, Number(number.replaceAll(' ', '')) * UNITS[unit]!] as const
    }),
  )
  const limits = told.filter(([name]) => name !== 'limits')
  expect(Object.fromEntries(limits)).toEqual(LISTEN_LIMITS)
})

test('the roles are those that are told', () => {
  const told = rowsOf('server.md', 'Keys').flatMap(([role]) => namesIn(role))
  expect(told.toSorted()).toEqual(ROLES.toSorted())
})

test('each code that a caller of REST can meet is told with its status, and no other', () => {
  const told = rowsOf('server-rest.md', 'When it is refused').slice(1)
  const are = Object.entries(KINDS).filter(([code, { http }]) => http !== 500 || code === 'internal')
  for (const [code, { http }] of are) {
    const row = told.find(([, codes]) => namesIn(codes).includes(code.replace(/^store-.*/, 'store-…')))
    expect({ code, statuses: row?.[0]?.split(', ') }).toMatchObject({
      code,
      statuses: expect.arrayContaining([String(http)]) as unknown,
    })
  }
  const known = new Set(Object.keys(KINDS))
  const besides = new Set(['store-…', 'Retry-After', 'issues', 'requestId'])
  const strange = told
    .flatMap(([, codes]) => namesIn(codes))
    .filter((name) => !known.has(name) && !besides.has(name))
  expect(strange).toEqual([])
})

test('the services of gRPC are those that are told', () => {
  const told = rowsOf('server-grpc.md', 'Services').flatMap(([names]) => namesIn(names))
  const files = readdirSync(PROTO, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.proto'),
  )
  const services = files.flatMap((file) => {
    const text = readFileSync(join(PROTO, file), 'utf8')
    return [...text.matchAll(/^service (\w+)/gm)].map(([, name]) => name!)
  })
  expect(told.map((name) => name.split('.').at(-1)!).toSorted()).toEqual(services.toSorted())
})
