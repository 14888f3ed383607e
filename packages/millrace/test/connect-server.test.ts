import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { connect, defineTask, MemoryStore, unchecked } from '../src/index.ts'
import { systemPlatform } from '@millrace/core'
import { ADMIN, identity, serve } from '../../server/test/harness.ts'
import { millrace, Place } from './command-line.ts'

const double = defineTask('double', { input: unchecked<number>(), output: unchecked<number>() })

async function memory(): Promise<MemoryStore> {
  const store = new MemoryStore({ platform: systemPlatform })
  await store.open()
  return store
}

describe('connect to a server', () => {
  afterEach(() => void vi.unstubAllEnvs())

  test('is the same client and the same worker', async () => {
    await using served = await serve(await memory())
    await using mill = await connect(served.url, { token: ADMIN })
    await mill.worker({ handlers: [double.handler((n) => n * 2)] }).start()
    const handle = await mill.enqueue(double, 21)
    expect(await handle.result({ within: '10s' })).toBe(42)
  })

  test('the token comes from the call, else from the environment, else from a file', async () => {
    await using served = await serve(await memory())
    using place = new Place()
    const file = join(place.path, 'token')
    writeFileSync(file, `${ADMIN}\n`)
    const opened = async (token?: string): Promise<string> =>
      connect(served.url, { token }).then(
        async (mill) => mill.close().then(() => 'open'),
        (error: unknown) => (error as { code: string }).code,
      )
    expect(await opened()).toBe('unauthenticated')
    vi.stubEnv('MILLRACE_TOKEN_FILE', file)
    expect(await opened()).toBe('open')
    vi.stubEnv('MILLRACE_TOKEN', 'another')
    // two that say it are one too many; who is told by the call asks neither
    expect(await opened()).toBe('invalid-argument')
    expect(await opened(ADMIN)).toBe('open')
    vi.stubEnv('MILLRACE_TOKEN_FILE', '')
    expect(await opened()).toBe('unauthenticated')
    vi.stubEnv('MILLRACE_TOKEN', '')
    vi.stubEnv('MILLRACE_TOKEN_FILE', join(place.path, 'none'))
    expect(await opened()).toBe('invalid-argument')
  })

  test('the command line does it, too, and says who is refused', async () => {
    await using served = await serve(await memory())
    served.tokens.set('viewer', identity('key:viewer', 'viewer'))
    using place = new Place()
    const run = (token: string, ...args: readonly string[]): ReturnType<typeof millrace> =>
      millrace([...args, '--store', served.url], { cwd: place.path, env: { MILLRACE_TOKEN: token } })
    const enqueued = await run(ADMIN, 'enqueue', 'double', '1', '--force', '--json')
    expect(enqueued).toMatchObject({ code: 0, stderr: '' })
    const listed = await run('viewer', 'tasks', '--json')
    expect(JSON.parse(listed.stdout)).toMatchObject({ type: 'double', state: 'ready' })
    const refused = await run('viewer', 'enqueue', 'double', '2', '--force')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/no role that may enqueue/)
    expect((await run('nobody', 'tasks')).stderr).toMatch(/not known/)
  })

  test('who uses another store does not load gRPC, and who is done ends', async () => {
    await using served = await serve(await memory())
    using place = new Place()
    const script = (url: string): string => `
      import { createRequire } from 'node:module'
      const { connect } = await import(${JSON.stringify(import.meta.resolve('../src/index.ts'))})
      const mill = await connect(${JSON.stringify(url)})
      await mill.queues.list()
      await mill.tasks.list({})
      const loaded = Object.keys(createRequire(import.meta.url).cache)
      console.log(loaded.some((path) => path.includes('grpc-js')))`
    const run = async (url: string): Promise<string> => {
      const env = { ...process.env, MILLRACE_TOKEN: ADMIN }
      const file = join(place.path, 'client.mjs')
      writeFileSync(file, script(url))
      return (await promisify(execFile)(process.execPath, [file], { env, timeout: 15_000 })).stdout.trim()
    }
    expect(await run(`sqlite:${join(place.path, 'm.db')}`)).toBe('false')
    expect(await run(served.url)).toBe('true')
  })
})
