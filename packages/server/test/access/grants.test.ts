/** Who may do what, where: roles, patterns of queues, and grants as they are written. */
import { expect, test } from 'vitest'
import { Caller } from '../../src/access/caller.ts'
import { grantsOf, parseGrant, shownGrant } from '../../src/access/grants.ts'
import { QueuePattern } from '../../src/access/queue-pattern.ts'
import { permits, ROLES, type Permission } from '../../src/access/roles.ts'

const yes = true
const no = false

test.each<[string, string, boolean]>([
  ['media', 'media', yes],
  ['media', 'mediation', no],
  ['media', 'media.video', no],
  ['media', 'Media', no],
  ['media', 'xmedia', no],
  ['media', 'media.', no],
  ['media.*', 'media.video', yes],
  ['media.*', 'media', no],
  ['media.*', 'mediation', no],
  ['media.*', 'mediation.video', no],
  ['media.*', 'media.video.hd', no],
  ['media.*', 'mediaXvideo', no],
  ['media.**', 'media.video', yes],
  ['media.**', 'media.video.hd', yes],
  ['media.**', 'media', no],
  ['media.**', 'mediation.video', no],
  ['*', 'media', yes],
  ['*', 'media.video', no],
  ['*.video', 'media.video', yes],
  ['*.video', 'video', no],
  ['*.video', 'media.audio', no],
  ['a.*.c', 'a.b.c', yes],
  ['a.*.c', 'a.b.b.c', no],
  ['**', 'media', yes],
  ['**', 'media.video.hd', yes],
])('%s and the queue %s: %s', (pattern, queue, matches) => {
  expect(new QueuePattern(pattern).matches(queue)).toBe(matches)
})

test.each([
  '',
  '.',
  'media.',
  '.media',
  'me*',
  '*a',
  '**.media',
  'a.**.b',
  'media/x',
  'a b',
  '***',
  'é',
  'a'.repeat(129),
])('%j is no pattern', (text) => {
  expect(() => new QueuePattern(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})

test('roles: each permission is where the table says it, and nowhere else', () => {
  const table: Readonly<Record<Permission, string>> = {
    enqueue: 'producer worker operator admin',
    follow: 'producer worker viewer operator admin',
    work: 'worker admin',
    view: 'viewer operator admin',
    operate: 'operator admin',
    administer: 'admin',
  }
  for (const [permission, roles] of Object.entries(table))
    expect([permission, ROLES.filter((role) => permits(role, permission as Permission)).join(' ')]).toEqual([
      permission,
      roles,
    ])
})

test('a grant is for its queues only, and what belongs to no queue needs it for all', () => {
  const given = [
    { role: 'producer', queues: ['media.*', 'mail'] },
    { role: 'viewer', queues: ['**'] },
  ]
  const caller = new Caller({ name: 'key:ci', grants: grantsOf(given, 'the key ci') })
  expect(caller.may('enqueue', 'media.video')).toBe(true)
  expect(caller.may('enqueue', 'mediation')).toBe(false)
  expect(caller.may('view', 'other')).toBe(true)
  expect(caller.mayEverywhere('view')).toBe(true)
  expect(caller.mayEverywhere('enqueue')).toBe(false)
  expect(caller.mayAnywhere('operate')).toBe(false)
  expect(() => caller.require('operate', 'mail')).toThrow(expect.objectContaining({ code: 'forbidden' }))
})

test.each<[unknown]>([
  [undefined],
  [null],
  ['producer:media'],
  [[]],
  [{ role: 'producer', queues: ['media'] }],
  [[{ role: 'root', queues: ['media'] }]],
  [[{ role: 'producer' }]],
  [[{ role: 'producer', queues: [] }]],
  [[{ role: 'producer', queues: 'media' }]],
  [[{ role: 'producer', queues: [7] }]],
  [[{ role: 'producer', queues: ['me*'] }]],
  [[{ role: '__proto__', queues: ['media'] }]],
  [[{ role: 'producer', queues: ['media'], tenant: 'acme' }]],
  [[null]],
  [Array.from({ length: 65 }, () => ({ role: 'producer', queues: ['media'] }))],
])('%j is no list of grants', (given) => {
  expect(() => grantsOf(given, 'the key ci')).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})

test('a grant is typed as ROLE:QUEUES, and shown so', () => {
  expect(parseGrant('producer:media.*, mail')).toEqual({ role: 'producer', queues: ['media.*', 'mail'] })
  expect(shownGrant(parseGrant('admin:**'))).toBe('admin:**')
  for (const text of ['producer', 'producer:', ':media', 'root:media', 'producer:me*', ''])
    expect(() => parseGrant(text)).toThrow(expect.objectContaining({ code: 'invalid-argument' }))
})
