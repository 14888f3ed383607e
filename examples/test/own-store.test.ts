/** The template of a store of one's own: whole, durable, and runnable by who has nothing but the published package. */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { defineTask, Mill, unchecked } from '@millrace/core'
import { conformanceCases } from '@millrace/core/conformance'
import { JournalStore } from '../own-store/journal-store.ts'
import { SkeletonStore } from '../own-store/skeleton.ts'
import { ROOT } from '../../test/packaging/packed.ts'
import { Project } from '../../test/packaging/project.ts'

const OWN = join(import.meta.dirname, '../own-store')
const job = defineTask('job', { input: unchecked<Uint8Array>() })

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-store-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('an empty store fails all cases but those about nothing, and each failure names what is missing', async () => {
  const passed: string[] = []
  const missing = new Set<string>()
  for (const { area, name, run: play } of conformanceCases) {
    const store = new SkeletonStore()
    try {
      await play({ store, open: async () => store, shiftClock: (ms) => store.shiftClock(ms) })
      passed.push(`${area}: ${name}`)
    } catch (error) {
      missing.add((error as Error).message)
    }
    await store.close()
  }
  expect(passed).toEqual([
    'inspect: a store says what it is',
    'watch: the first hint says that everything may have changed',
  ])
  expect([...missing].filter((message) => !message.endsWith(' is not there yet'))).toEqual([])
  expect(missing.size).toBeGreaterThan(5)
})

describe('the journal', () => {
  const path = (): string => join(folder, 'tasks.journal')
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }

  test('has everything that was answered after the process was killed, and not what the crash cut short', async () => {
    const first = new Mill(new JournalStore({ path: path() }), { logger: quiet })
    const bytes = Buffer.from([0, 255, 7])
    const done = await first.enqueue(job, bytes)
    const worker = first.worker({ handlers: job.handler((input) => input.length) })
    await worker.start()
    expect(await done.result({ within: '10s' })).toBe(3)
    await worker.stop()
    const waiting = await first.enqueue(job, bytes, { delay: '1h', metadata: { of: 'before' } })
    const before = await Promise.all([done.status(), waiting.status()])
    // no close: what follows finds what a killed process leaves, and half a line
    appendFileSync(path(), '[1700000000000,"add",{"gro')
    await using second = new Mill(new JournalStore({ path: path() }), { logger: quiet })
    expect(await Promise.all([second.tasks.get(done.id), second.tasks.get(waiting.id)])).toEqual(before)
    expect((await second.enqueue(job, bytes, { id: waiting.id, delay: '1h' })).outcome).toBe('duplicate')
    await second.tasks.remove(waiting.id)
    await using third = new Mill(new JournalStore({ path: path() }), { logger: quiet })
    expect(await third.tasks.get(waiting.id)).toBeUndefined()
    expect(await third.tasks.get(done.id)).toMatchObject({ state: 'succeeded' })
    await first.close()
  })

  test('that is damaged, or no place for one, is refused with a word on what to do', async () => {
    writeFileSync(path(), 'Dear diary,\n')
    const refusals = [path(), join(folder, 'missing', 'tasks.journal')].map(async (where) => {
      return new JournalStore({ path: where }).open().catch((error: unknown) => error)
    })
    expect(await Promise.all(refusals)).toMatchObject([
      { code: 'store-corrupt', hint: expect.stringContaining('backup') as unknown },
      { code: 'store-unavailable', hint: expect.stringContaining('folder') as unknown },
    ])
    expect(readFileSync(path(), 'utf8')).toBe('Dear diary,\n')
  })
})

/** Outside of this repository, with the packages as they are published, Node's own runner, and a strict compiler. */
test('who installs the package can run the suite on a store, and compile it', async () => {
  // the model's own dependency is installed beside
  using project = await Project.make('fast-check')
  await project.run('npm', 'pkg', 'set', 'type=module')
  cpSync(OWN, project.folder, { recursive: true })

  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
  const strict = ['--noEmit', '--strict', '--target', 'esnext', '--module', 'nodenext']
  const files = ['conformance.ts', 'model.ts', 'skeleton.ts']
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  await project.run(tsc, ...strict, '--allowImportingTsExtensions', ...types, ...files)

  const printed = await project.node('--test', '--test-reporter=tap', 'conformance.ts', 'model.ts')
  expect(printed).toMatch(new RegExp(`^# pass ${conformanceCases.length + 1}$`, 'm'))
  expect(printed).toMatch(/^# fail 0$/m)
}, 240_000)
