/** The example by itself, in one process. */
import { createServer } from 'node:net'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect, type Mill } from 'millrace'
import { describe, expect, test, vi } from 'vitest'
import { catalogue, handlers } from '../catalogue.ts'
import { expectedCatalogue, makeTree, noise, Place } from './tree.ts'

async function work(mill: Mill): Promise<void> {
  const worker = mill.worker({ handlers })
  await worker.start()
}

async function catalogued(
  folder: string,
  options: { pattern?: string; skip?: string[] } = {},
): Promise<unknown> {
  await using mill = await connect('memory:')
  const { report } = await catalogue(mill, { folder, pattern: '*', skip: [], ...options })
  await work(mill)
  return await report.result({ within: '15s' })
}

test('is at most 100 lines', () => {
  const text = readFileSync(new URL('../catalogue.ts', import.meta.url), 'utf8')
  expect(text.split('\n').length).toBeLessThanOrEqual(101)
})

describe('a folder', () => {
  test('of odd files is catalogued as another computation does it', async () => {
    using place = new Place()
    makeTree(place.path)
    expect(await catalogued(place.path)).toEqual(expectedCatalogue(place.path))
    const markdown = await catalogued(place.path, { pattern: '*.md' })
    expect(markdown).toEqual(expectedCatalogue(place.path, (name) => name.endsWith('.md')))
    expect(markdown).toMatchObject({ headings: 7, links: 8 })
  })

  test('with sockets: they are no files', async () => {
    using place = new Place()
    writeFileSync(join(place.path, 'file'), 'x')
    const server = createServer().listen(join(place.path, 'socket'))
    await once(server, 'listening')
    try {
      expect(await catalogued(place.path)).toMatchObject({ files: 1, failed: 0 })
    } finally {
      server.close()
    }
  })

  test('without files has a report too', async () => {
    using place = new Place()
    mkdirSync(join(place.path, 'empty'))
    expect(await catalogued(place.path)).toEqual({
      files: 0,
      bytes: 0,
      lines: 0,
      words: 0,
      gzipBytes: 0,
      headings: 0,
      links: 0,
      packages: 0,
      failed: 0,
      digest: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    })
  })

  test('that is not there is an error', async () => {
    await expect(catalogued('/nowhere at all')).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('with more names than one result can hold', async () => {
    using place = new Place()
    const deep = join(place.path, 'd'.repeat(200), 'e'.repeat(200), 'f'.repeat(200))
    mkdirSync(deep, { recursive: true })
    for (let i = 0; i < 700; i++) writeFileSync(join(deep, `${i}`.padStart(200, 'x')), String(i))
    const expected = expectedCatalogue(place.path)
    expect(await catalogued(place.path)).toEqual(expected)
    expect(expected).toMatchObject({ files: 700, packages: 1 })
  })

  test('leaves out what is to be skipped', async () => {
    using place = new Place()
    for (const name of ['kept', 'store.db', 'store.db-wal']) writeFileSync(join(place.path, name), name)
    const skip = ['store.db', 'store.db-wal'].map((name) => join(place.path, name))
    expect(await catalogued(place.path, { skip })).toEqual(
      expectedCatalogue(place.path, (name) => name === 'kept'),
    )
  })
})

describe('files that change after they were listed', () => {
  test('vanished ones and those that are no files any more are dead letters, the rest is read as it is', async () => {
    using place = new Place()
    const at = (name: string): string => join(place.path, name)
    for (const name of [
      'stays',
      'grows',
      'vanishes',
      'becomes a pipe',
      'becomes a folder',
      'becomes a link',
    ]) {
      writeFileSync(at(name), noise(1_000, 2))
    }
    await using mill = await connect('memory:')
    const { run, report } = await catalogue(mill, { folder: place.path, pattern: '*', skip: [] })
    for (const name of ['vanishes', 'becomes a pipe', 'becomes a folder', 'becomes a link'])
      unlinkSync(at(name))
    execFileSync('mkfifo', [at('becomes a pipe')])
    mkdirSync(at('becomes a folder'))
    execFileSync('ln', ['-s', 'stays', at('becomes a link')])
    writeFileSync(at('grows'), noise(600_000, 3))
    await work(mill)
    const kept = expectedCatalogue(place.path, (name) => name === 'stays' || name === 'grows')
    expect(await report.result({ within: '10s' })).toEqual({ ...kept, failed: 4 })
    const { tasks } = await mill.tasks.list({ state: 'failed', tag: run })
    expect(tasks.map((task) => task.error?.message ?? '').toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'ELOOP: too many symbolic links encountered',
      'ENOENT: no such file or directory',
      'This is no regular file',
      'This is no regular file',
    ])
    expect(tasks.map((task) => task.counters.failures)).toEqual([1, 1, 1, 1])
  })
})

describe('a run', () => {
  test('is found again until it is over, whatever became of the folder', async () => {
    using place = new Place()
    for (const name of ['a', 'b']) writeFileSync(join(place.path, name), name)
    await using mill = await connect('memory:')
    const selection = { folder: place.path, pattern: '*', skip: [] }
    const first = await catalogue(mill, selection)
    writeFileSync(join(place.path, 'c'), 'c')
    const again = await catalogue(mill, {
      ...selection,
      folder: `${place.path}/../${place.path.split('/').at(-1)}`,
    })
    expect([again.run, again.report.id]).toEqual([first.run, first.report.id])
    const other = await catalogue(mill, { ...selection, pattern: '*.md' })
    expect(other.run).not.toBe(first.run)
    await work(mill)
    expect(await again.report.result({ within: '10s' })).toMatchObject({ files: 2 })
    expect(await (await catalogue(mill, selection)).report.result({ within: '1s' })).toMatchObject({
      files: 2,
    })
    await mill.tasks.remove(first.run)
    const anew = await catalogue(mill, selection)
    expect(await anew.report.result({ within: '10s' })).toMatchObject({ files: 3 })
  })

  test('that was only half enqueued is completed, even if the folder changed since', async () => {
    using place = new Place()
    for (const name of ['a', 'b', 'gone']) writeFileSync(join(place.path, name), name)
    await using mill = await connect('memory:')
    const selection = { folder: place.path, pattern: '*', skip: [] }
    // Stopped before its last step, the report.
    const enqueue = mill.enqueue.bind(mill)
    const spy = vi
      .spyOn(mill, 'enqueue')
      .mockImplementationOnce(enqueue)
      .mockRejectedValueOnce(new Error('stopped'))
    await expect(catalogue(mill, selection)).rejects.toThrow('stopped')
    spy.mockRestore()
    expect((await mill.tasks.list()).tasks.length).toBe(5)
    rmSync(join(place.path, 'gone'))
    writeFileSync(join(place.path, 'new'), 'new')
    const { report } = await catalogue(mill, selection)
    await work(mill)
    expect(await report.result({ within: '10s' })).toEqual(expectedCatalogue(place.path))
  })
})
