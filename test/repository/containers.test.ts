/** What deploy/ says of containers, as far as that can be seen without an engine of theirs: files, commands, variables, secrets. */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { freePort } from '../servers/server.ts'

const root = join(import.meta.dirname, '../..')
const deploy = join(root, 'deploy')
const cli = join(root, 'packages/millrace/dist/cli/main.js')
const text = (file: string): string => readFileSync(join(deploy, file), 'utf8')

interface Service {
  readonly image: string
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly profiles?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly secrets?: readonly string[]
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly depends_on?: Readonly<Record<string, object>>
  readonly stop_grace_period?: string
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, null>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const compose = parse(text('compose.yaml'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const ours = services.filter(([, { image, entrypoint }]) => image === 'millrace' && entrypoint === undefined)

let folder = ''
let secrets = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-deploy-'))
  secrets = join(folder, 'secrets')
  execFileSync(process.execPath, [join(deploy, 'make-secrets.mjs'), secrets])
})
afterAll(() => rmSync(folder, { recursive: true, maxRetries: 5 }))

/** Where a path of the containers is here. */
function here(path: string): string {
  return path.replace('/run/server/', `${secrets}/server/`).replace('/run/secrets/', `${secrets}/`)
}

function millrace(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], {
    cwd: folder,
    env: { ...process.env, NO_COLOR: '1', ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`millrace ${args.join(' ')}: ${stderr}`)
  return stdout
}

function variablesOf({ environment = {} }: Service): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, here(value)]))
}

describe('compose.yaml', () => {
  test('has a server and a worker for each store, and what they wait for', () => {
    const named = (profile: string): readonly string[] =>
      services.filter(([, { profiles }]) => profiles?.includes(profile)).map(([name]) => name)
    expect(named('sqlite')).toEqual(['server-sqlite', 'worker-sqlite'])
    expect(named('postgres')).toEqual(['db', 'migrate', 'server-postgres', 'worker-postgres'])
    expect(named('redis')).toEqual(['redis', 'server-redis', 'worker-redis'])
    expect(named('observability')).toEqual(['prometheus', 'grafana'])
    for (const [, { depends_on = {}, profiles }] of services)
      for (const name of Object.keys(depends_on)) expect(compose.services[name]?.profiles).toEqual(profiles)
  })

  test('each file, volume and secret that it names is there', () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((one) => one.split(':')[0]!))
    const isThere = (from: string): boolean => {
      if (!from.startsWith('.')) return from in compose.volumes
      const path = from.startsWith('./secrets') ? from.replace('./secrets', secrets) : join(deploy, from)
      return existsSync(path)
    }
    expect(sources.filter((from) => !isThere(from))).toEqual([])
    const named = services.flatMap(([, service]) => service.secrets ?? [])
    expect(named.filter((name) => !(name in compose.secrets))).toEqual([])
    const files = Object.values(compose.secrets).map(({ file }) => file.replace('./secrets', secrets))
    expect(files.map((file) => statSync(file).size > 10)).toEqual(files.map(() => true))
  })

  test('its secrets are made by the image itself, into the folder that the others have them from', () => {
    const { entrypoint = [], volumes } = compose.services['secrets']!
    const copied = /^COPY (deploy\/\S+ )*deploy\/make-secrets\.mjs \/app\/$/m
    expect(text('Dockerfile')).toMatch(copied)
    expect(entrypoint).toEqual(['node', '/app/make-secrets.mjs', '/secrets'])
    expect(volumes).toEqual(['./secrets:/secrets'])
  })

  test('no secret stands in it, and its ports are those of this machine', () => {
    expect(text('compose.yaml')).not.toMatch(/:\/\/[^\s/]*:[^\s/]*@/)
    const variables = services.flatMap(([, { environment = {} }]) => Object.entries(environment))
    const hidden = variables.filter(([name]) => /PASSWORD|TOKEN|KEY/.test(name))
    expect(hidden.length).toBeGreaterThan(3)
    for (const [, value] of hidden) expect(value).toMatch(/^\/run\//)
    for (const port of services.flatMap(([, { ports = [] }]) => ports)) expect(port).toMatch(/^127\.0\.0\.1:/)
  })

  test.each(ours)('the command of %s is one that the command line has', (_, service) => {
    const [verb = '', ...rest] = service.command ?? []
    const help = millrace([verb, '--help'])
    for (const option of rest.filter((word) => word.startsWith('--'))) expect(help).toContain(`${option} `)
    const files = rest.filter((word) => word.startsWith('/'))
    for (const file of files) expect(existsSync(join(deploy, file.replace('/app/', '')))).toBe(true)
    // drains take 25 s
    expect(Number.parseInt(service.stop_grace_period ?? '', 10)).toBeGreaterThan(30)
  })

  test.each(ours)('the variables of %s are heeded', (_, service) => {
    const variables = variablesOf(service)
    const shown = millrace(['config', '--json', '--no-config'], variables).trim().split('\n')
    const by = shown.map((line) => (JSON.parse(line) as { readonly by: string | null }).by)
    expect(Object.keys(variables).filter((name) => !by.includes(name))).toEqual([])
  })

  test('the handlers of the worker are some', () => {
    expect(millrace(['worker', join(deploy, 'handlers/handlers.mjs'), '--help'])).toContain('--processes')
    const said = millrace(['run', join(deploy, 'handlers/handlers.mjs'), 'greet', '{"name":"Ada"}'])
    expect(said).toContain('Hello Ada')
  })

  test('a server so started is healthy, lets in who has a key, and ends with 0', async () => {
    const port = String(await freePort())
    const env = {
      ...process.env,
      ...variablesOf(compose.services['server-sqlite']!),
      MILLRACE_STORE: `sqlite:${join(folder, 'data.db')}`,
      MILLRACE_HTTP_PORT: port,
      MILLRACE_GRPC_PORT: '0',
    }
    const health = (): number | null =>
      spawnSync(process.execPath, [join(deploy, 'healthcheck.mjs')], { env }).status
    expect(health()).toBe(1)
    const server = spawn(process.execPath, [cli, 'serve', '--no-config'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(server, 'exit')
    for await (const line of createInterface(server.stdout)) if (line.includes('REST')) break
    expect(health()).toBe(0)
    const scrape = (token: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${token}` } })
    const token = readFileSync(join(secrets, 'metrics-token'), 'utf8').trim()
    expect((await scrape(token)).status).toBe(200)
    expect((await scrape('another')).status).toBe(401)
    server.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
  })

  test('secrets that are there already are kept', () => {
    const before = readFileSync(join(secrets, 'postgres-url'), 'utf8')
    const said = execFileSync(process.execPath, [join(deploy, 'make-secrets.mjs'), secrets], {
      encoding: 'utf8',
    })
    expect(readFileSync(join(secrets, 'postgres-url'), 'utf8')).toBe(before)
    expect(said).not.toContain('mr_')
    const password = readFileSync(join(secrets, 'postgres-password'), 'utf8').trim()
    expect(before.trim()).toBe(`postgres://millrace:${password}@db/millrace`)
  })
})

test('Prometheus scrapes the server with its key, and Grafana looks where the board is', () => {
  const config = parse(text('prometheus/prometheus.yml')) as {
    readonly rule_files: readonly string[]
    readonly scrape_configs: readonly {
      readonly authorization: object
      readonly static_configs: readonly object[]
    }[]
  }
  expect(existsSync(join(deploy, 'prometheus', config.rule_files[0]!))).toBe(true)
  expect(config.scrape_configs[0]).toMatchObject({
    authorization: { credentials_file: '/run/secrets/metrics-token' },
    static_configs: [{ targets: ['server:7420'] }],
  })
  const boards = parse(text('grafana/provisioning/dashboards/millrace.yml')) as {
    readonly providers: readonly { readonly options: { readonly path: string } }[]
  }
  const mounted = compose.services['grafana']!.volumes!.find((volume) =>
    volume.startsWith('./grafana/millrace.json:'),
  )
  expect(mounted).toContain(`:${boards.providers[0]!.options.path}/`)
  expect(parse(text('grafana/provisioning/datasources/prometheus.yml'))).toMatchObject({
    datasources: [{ url: 'http://prometheus:9090', isDefault: true }],
  })
})

describe('the Dockerfile', () => {
  const steps = text('Dockerfile')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
  const last = (verb: string): string => steps.findLast((step) => step.startsWith(`${verb} `)) ?? ''

  test('packs every package that is published', () => {
    const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      readonly workspaces: readonly string[]
    }
    const packed = [...steps.join('\n').matchAll(/--workspace (\S+)/g)].map(([, name]) => name)
    expect(packed).toEqual(workspaces.filter((name) => name.startsWith('packages/')))
  })

  test('copies what is there, starts without a shell, and not as root', () => {
    const copies = steps.filter((step) => step.startsWith('COPY ') && !step.includes('--from'))
    const copied = copies.flatMap((step) => step.split(' ').slice(1, -1))
    expect(copied).toEqual(['.', 'deploy/healthcheck.mjs', 'deploy/make-secrets.mjs'])
    for (const file of copied) expect(existsSync(join(root, file))).toBe(true)
    expect(last('USER')).toBe('USER node')
    const entry = JSON.parse(last('ENTRYPOINT').replace('ENTRYPOINT ', '')) as readonly string[]
    const { bin } = JSON.parse(readFileSync(join(root, 'packages/millrace/package.json'), 'utf8')) as {
      readonly bin: { readonly millrace: string }
    }
    expect(entry).toEqual(['node', join('/app/node_modules/millrace', bin.millrace)])
    expect(JSON.parse(last('CMD').replace('CMD ', ''))).toEqual(['serve'])
    expect(steps.filter((step) => /^(ARG|ENV)/.test(step))).toEqual(['ENV NODE_ENV=production'])
  })

  test('what is secret, or made here, does not go to the engine', () => {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
    expect(ignored).toEqual(expect.arrayContaining(['.git', '**/node_modules', '**/.env*', 'deploy/secrets']))
  })
})
