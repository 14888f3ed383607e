/** Where entries of the audit go; what cannot be kept is not answered as done. */
import { mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { systemPlatform } from '@millrace/core'
import { audited, auditRefused, type Deed } from '../src/audit/noting.ts'
import { openAudit } from '../src/audit/sinks.ts'
import type { AuditEntry } from '../src/audit/audit.ts'
import { TestFolder, TestLog } from './fakes.ts'

const ENTRY: AuditEntry = {
  at: new Date('2026-11-23T00:00:00Z'),
  id: '00',
  stage: 'ended',
  caller: 'key:ci',
  call: 'tasks.cancel',
  target: { queue: 'mail' },
  refused: null,
  matched: 2,
  changed: 1,
}

const linesOf = (path: string): readonly unknown[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)

test('in a file each entry is a line, in order, which only its owner reads', async () => {
  using folder = new TestFolder()
  const path = folder.file('audit.jsonl')
  const audit = await openAudit(path, new TestLog())
  await Promise.all(
    Array.from({ length: 500 }, (_, n) => audit.note({ ...ENTRY, target: `line\nbreak ${n}` })),
  )
  await audit.close()
  const lines = linesOf(path) as { readonly target: string }[]
  expect(lines.map(({ target }) => target)).toEqual(Array.from({ length: 500 }, (_, n) => `line\nbreak ${n}`))
  expect(lines[0]).toMatchObject({
    at: '2026-11-23T00:00:00.000Z',
    caller: 'key:ci',
    refused: null,
    matched: 2,
  })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const again = await openAudit(path, new TestLog())
  await again.note(ENTRY)
  await again.close()
  expect(linesOf(path)).toHaveLength(501)
})

test('a file that was moved away is begun anew; one that cannot be is an error, and the next entry is kept again', async () => {
  using folder = new TestFolder()
  const path = folder.file('audit.jsonl')
  const log = new TestLog()
  const audit = await openAudit(path, log)
  await audit.note(ENTRY)
  renameSync(path, `${path}.1`)
  await audit.note(ENTRY)
  expect([linesOf(path), linesOf(`${path}.1`)].map(({ length }) => length)).toEqual([1, 1])
  rmSync(path)
  mkdirSync(path)
  await expect(audit.note(ENTRY)).rejects.toMatchObject({ code: 'store-unavailable' })
  expect(log.messages('error')).toEqual(['The audit cannot be written.'])
  rmSync(path, { recursive: true })
  await audit.note(ENTRY)
  expect(linesOf(path)).toHaveLength(1)
  await audit.close()
})

test('of a target that is very long only the length is kept', async () => {
  using folder = new TestFolder()
  const path = folder.file('audit.jsonl')
  const audit = await openAudit(path, new TestLog())
  await audit.note({ ...ENTRY, target: 'a'.repeat(100_000) })
  await audit.close()
  expect(linesOf(path)).toMatchObject([{ target: { omittedLength: 100_002 } }])
})

test('without a word it is the log, and a function is waited for', async () => {
  const log = new TestLog()
  await (await openAudit(undefined, log)).note(ENTRY)
  expect(log.lines).toMatchObject([{ level: 'info', data: { audit: { caller: 'key:ci' } } }])
  const failing = await openAudit(() => Promise.reject(new Error('full')), log)
  await expect(failing.note(ENTRY)).rejects.toThrow('full')
  await expect(openAudit('/nowhere/at/all', log)).rejects.toMatchObject({ code: 'invalid-argument' })
})

const DEED: Deed = { caller: 'key:ci', call: 'queues.pause', target: { queue: 'mail' } }

/** What takes entries until it is told to fail. */
class Taking {
  readonly entries: AuditEntry[] = []
  failure: Error | undefined
  readonly log = new TestLog()
  readonly parts = { audit: this, platform: systemPlatform, logger: this.log }

  async note(entry: AuditEntry): Promise<void> {
    if (this.failure !== undefined) throw this.failure
    this.entries.push(entry)
  }
}

test('what is done is noted before it is done and after it, under one id', async () => {
  const taking = new Taking()
  const seen: string[] = []
  const answer = await audited(DEED, taking.parts, async () => {
    seen.push(...taking.entries.map(({ stage }) => stage))
    return { matched: 3, changed: 2 }
  })
  expect(answer).toEqual({ matched: 3, changed: 2 })
  expect(seen).toEqual(['begun'])
  const [begun, ended] = taking.entries
  expect(begun).toEqual({ ...DEED, at: begun!.at, id: begun!.id, stage: 'begun', refused: null })
  expect(ended).toMatchObject({
    ...DEED,
    id: begun!.id,
    stage: 'ended',
    refused: null,
    matched: 3,
    changed: 2,
  })
  await expect(audited(DEED, taking.parts, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(taking.entries.slice(2).map(({ stage, refused }) => [stage, refused])).toEqual([
    ['begun', null],
    ['ended', 'internal'],
  ])
  expect(taking.entries[2]!.id).not.toBe(begun!.id)
  await auditRefused(DEED, new Error('no'), taking.parts)
  expect(taking.entries.slice(4)).toMatchObject([{ stage: 'ended', refused: 'internal' }])
})

test('what cannot be noted is not done', async () => {
  const taking = new Taking()
  taking.failure = new Error('full')
  let isDone = false
  const doing = audited(DEED, taking.parts, async () => void (isDone = true))
  await expect(doing).rejects.toMatchObject({
    code: 'store-unavailable',
    effect: 'none',
    cause: taking.failure,
  })
  expect(isDone).toBe(false)
  expect(taking.log.messages('error')).toEqual(['The audit cannot be written.'])
})

test('what was done is answered as it was, also where that cannot be noted any more', async () => {
  const taking = new Taking()
  const run = async (): Promise<string> => {
    taking.failure = new Error('full')
    return 'done'
  }
  expect(await audited(DEED, taking.parts, run)).toBe('done')
  expect(taking.entries.map(({ stage }) => stage)).toEqual(['begun'])
  expect(taking.log.messages('error')).toEqual(['What came of an action could not be noted in the audit.'])
})
