/** docs/server.md, as a newcomer types what it shows, and against what the command line knows. */
import { execFile, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { serverSettings } from '../src/cli/configuration/server-settings.ts'
import { ended, millrace, millraceHere as here, Place, start, written } from './command-line.ts'

const run = promisify(execFile)
const page = readFileSync(join(import.meta.dirname, '../../../docs/server.md'), 'utf8')

/** A command of a session, and what it is said to answer. */
interface Step {
  readonly command: string
  readonly answer: readonly string[]
}

const sessions = [...page.matchAll(/^```\n(\$ .*?)^```/gms)].map(([, text = '']) =>
  text
    .replaceAll('\\\n', '')
    .split(/^\$ /m)
    .slice(1)
    .map((step): Step => {
      const [command = '', ...answer] = step.trimEnd().split('\n')
      return { command, answer }
    }),
)

/** As the page writes what is another one each time: its beginning, and `…`. */
function shaped(line: string): RegExp {
  const escaped = line.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
  return new RegExp(`^${escaped.replaceAll(/(mr_)?[\w-]*…/g, '$1.*')}$`, 'm')
}

/** Types the commands of a session in a folder of their own, on ports that are free. */
class Typist {
  readonly #cwd: string
  readonly #env: Record<string, string> = { MILLRACE_HTTP_PORT: '0', MILLRACE_GRPC_PORT: '0' }
  readonly #servers: ChildProcess[] = []
  /** Where the page says that a server is, and where it is here. */
  readonly #addresses = new Map<string, string>()

  constructor(cwd: string) {
    this.#cwd = cwd
  }

  /** What a command says. */
  async type({ command, answer }: Step): Promise<string> {
    const [program, ...args] = this.here(command).replaceAll("'", '').split(' ')
    if (program !== 'millrace') {
      const env = { ...process.env, ...this.#env }
      return (await run('sh', ['-ec', this.here(command)], { env })).stdout
    }
    if (args[0] === 'serve') return this.#serve(args, answer.at(-1))
    const { stdout, stderr } = await millrace(args, { cwd: this.#cwd, env: this.#env })
    this.#env['MILLRACE_TOKEN'] ??= /mr_\S+/.exec(stdout)?.[0] ?? ''
    return stdout + stderr
  }

  async #serve(args: readonly string[], last = 'Try it: …'): Promise<string> {
    const child = start(args, { cwd: this.#cwd, env: this.#env })
    this.#servers.push(child)
    const said = await written(child, shaped(last))
    this.#addresses.set('http://127.0.0.1:7420', /REST {2}(\S+)/.exec(said)![1]!)
    this.#addresses.set('http://127.0.0.1:7421', /gRPC {2}(\S+)/.exec(said)![1]!)
    return said
  }

  here(text: string): string {
    return [...this.#addresses].reduce((all, [shown, real]) => all.replaceAll(shown, real), text)
  }

  async end(): Promise<void> {
    for (const child of this.#servers) {
      const ending = ended(child)
      child.kill('SIGKILL')
      await ending
    }
  }
}

test.each(sessions.map((steps) => [steps.map(({ command }) => command).join('; '), steps] as const))(
  'is answered as the page says: %s',
  { timeout: 60_000 }, // several processes, one after the other
  async (_, steps) => {
    using place = new Place()
    const typist = new Typist(place.path)
    try {
      for (const step of steps) {
        const said = await typist.type(step)
        for (const line of step.answer) expect(said).toMatch(shaped(typist.here(line)))
      }
    } finally {
      await typist.end()
    }
  },
)

test('the table of options has each option of the help, each variable and each place of a configuration', async () => {
  const rows = page
    .slice(page.indexOf('## Options and variables'))
    .matchAll(/^\| (`--.*?) \| (`.*?) \| (`.*?) \|$/gm)
  const told = [...rows].map(([, options = '', variables = '', places = '']) => ({
    options: [...options.matchAll(/`--([a-z-]+)`/g)].map(([, name]) => name!),
    variables: [...variables.matchAll(/MILLRACE_[A-Z_]+/g)].map(([name]) => name),
    places: [...places.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!),
  }))
  const { stdout } = await here(['serve', '--help'])
  const own = stdout.slice(0, stdout.indexOf('Global Options:'))
  const options = [...own.matchAll(/^ {2}(?:-h, )?--([a-z-]+)/gm)].map(([, name]) => name!)
  const isServers = (name: string): boolean => name !== 'help' && name !== 'quiet'
  expect(told.flatMap((row) => row.options).toSorted()).toEqual(options.filter(isServers).toSorted())
  const values = ['1', 'open', 'required', '1s']
  for (const variable of told.flatMap((row) => row.variables)) {
    const isHeeded = values.some((value) => by(variable, value) === variable)
    expect({ variable, isHeeded }).toEqual({ variable, isHeeded: true })
  }
  expect(told.flatMap((row) => row.variables)).toHaveLength(options.filter(isServers).length)
})

/** Which variable says a setting, if one variable has a value. */
function by(variable: string, value: string): string | null | undefined {
  try {
    const settings = serverSettings({ flags: {}, environment: { [variable]: value }, file: null })
    return [...settings.values()].find((setting) => setting.from === 'environment')?.by
  } catch {
    return undefined // it takes another value
  }
}
