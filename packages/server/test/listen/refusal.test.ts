/** The server is open to nobody by mistake. */
import { expect, test } from 'vitest'
import { checkOpenness, isLoopback, type InsecureOptions } from '../../src/listen/refusal.ts'
import { LISTEN_LIMITS, listenLimits } from '../../src/listen/limits.ts'
import { get, Scene } from './scene.ts'

const HOSTS = [
  '127.0.0.1',
  '127.8.9.1',
  '::1',
  '[::1]',
  'localhost',
  '0.0.0.0',
  '::',
  '192.0.2.1',
  'host.example',
  '127.0.0.1.example',
  '',
]
const LOOPBACK = HOSTS.slice(0, 5)

const matrix = HOSTS.flatMap((host) =>
  (['none', 'some'] as const).flatMap((authentication) =>
    (['none', 'tls'] as const).flatMap((encryption) =>
      [{}, { noAuth: true }, { noTls: true }, { noAuth: true, noTls: true }].map((insecure) => ({
        host,
        authentication,
        encryption,
        insecure,
      })),
    ),
  ),
)

test('host × authentication × TLS × what is allowed: only what is closed or wanted listens', () => {
  expect(matrix).toHaveLength(176)
  const isFine = ({ host, authentication, encryption, insecure }: (typeof matrix)[number]): boolean => {
    const { noAuth = false, noTls = false } = insecure as InsecureOptions
    return (
      LOOPBACK.includes(host) || ((authentication === 'some' || noAuth) && (encryption === 'tls' || noTls))
    )
  }
  const refused = matrix.flatMap((plan) => {
    try {
      checkOpenness(plan)
      return []
    } catch (error) {
      return [{ plan, error: error as { readonly code: string; readonly hint: string } }]
    }
  })
  expect(refused.map(({ plan }) => plan)).toEqual(matrix.filter((plan) => !isFine(plan)))
  expect(refused.every(({ error }) => error.code === 'invalid-argument' && error.hint.includes('--'))).toBe(
    true,
  )
})

test('only what leads nowhere else is loopback', () => {
  expect(HOSTS.filter(isLoopback)).toEqual(LOOPBACK)
})

test('it is refused before anything listens, with what to do', async () => {
  const open = Scene.start({ host: '0.0.0.0', authentication: 'none' })
  await expect(open).rejects.toMatchObject({
    code: 'invalid-argument',
    hint: expect.stringMatching(/millrace keys create/) as string,
  })
  await expect(Scene.start({ host: '0.0.0.0' })).rejects.toMatchObject({
    hint: expect.stringMatching(/--tls-cert/) as string,
  })
})

test('both ports answer, and no page of the web speaks to a server without authentication by a name of its own', async () => {
  await using scene = await Scene.start({ authentication: 'none' })
  expect(await get(scene.url)).toMatchObject({ status: 200, text: 'here' })
  using client = scene.client()
  expect(await client.echo('hallo')).toBe('hallo')
  const { port } = new URL(scene.url)
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`])
    expect((await get(scene.url, { headers: { host } })).status).toBe(200)
  for (const host of [
    `evil.example:${port}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'a b',
  ])
    expect((await get(scene.url, { headers: { host } })).status).toBe(421)
  await using closed = await Scene.start({ authentication: 'some' })
  expect((await get(closed.url, { headers: { host: 'millrace.example' } })).status).toBe(200)
})

test.each<[string, Parameters<typeof Scene.start>[0], RegExp]>([
  ['a port that is none', { port: 70_000 }, /port is 70000/],
  ['one port for both', { port: 17_420, grpcPort: 17_420 }, /share the port/],
  ['an option that is not known', { prot: 1 } as never, /no "prot"/],
  ['a limit that is not known', { limits: { streams: 1 } as never }, /no "streams"/],
  ['a limit that is none', { limits: { streamsMax: 0 } }, /streamsMax is 0/],
  [
    'an address that is not here',
    { host: '192.0.2.1', insecure: { noAuth: true, noTls: true } },
    /EADDRNOTAVAIL/,
  ],
  ['a drain that is none', { drain: -1 }, /duration/],
])('%s is refused with a word', async (_, options, message) => {
  await expect(Scene.start(options)).rejects.toThrow(message)
})

test('a port that is taken is refused, and the other one is given back', async () => {
  await using scene = await Scene.start()
  const taken = Number(new URL(scene.listening.grpcUrl!).port)
  const { port } = new URL(scene.url)
  await expect(Scene.start({ port: Number(port) })).rejects.toThrow(/EADDRINUSE/)
  await expect(Scene.start({ grpcPort: taken })).rejects.toMatchObject({
    hint: expect.stringMatching(/--grpc-port/) as string,
  })
})

test('every limit has a default', () => {
  expect(listenLimits()).toEqual(LISTEN_LIMITS)
  expect(listenLimits({ streamsMax: 5 })).toEqual({ ...LISTEN_LIMITS, streamsMax: 5 })
})
