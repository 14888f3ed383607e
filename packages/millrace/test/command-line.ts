/** Running the command line from source, as a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { vi } from 'vitest'
import { unprivileged } from '../../../test/unprivileged.ts'
import { runCli } from '../src/cli/program.ts'

const MAIN: string = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

export interface Answer {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** A file that is open, instead of a pipe. */
  readonly stdout?: number
  /** Without the rights of root, if it is root who runs the tests. */
  readonly unprivileged?: boolean
}

/** A folder that goes with the test. */
export class Place implements Disposable {
  readonly path: string

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 })
  }
}

export function start(args: readonly string[], options: RunOptions, detached = false): ChildProcess {
  const { cwd, env, stdout = -1 } = options
  const line = [MAIN, ...args]
  const [command, given] = options.unprivileged === true ? unprivileged(line) : [process.execPath, line]
  const { MILLRACE_STORE: _, FORCE_COLOR: __, ...inherited } = process.env
  return spawn(command, given, {
    cwd,
    detached,
    env: { ...inherited, ...env },
    stdio: ['pipe', stdout < 0 ? 'pipe' : stdout, 'pipe'],
  })
}

export async function millrace(args: readonly string[], options: RunOptions): Promise<Answer> {
  const child = start(args, options)
  child.stdin?.on('error', () => undefined) // it may end without reading
  child.stdin?.end(options.stdin ?? '')
  return ended(child)
}

/** The same in this process and its folder, which is faster. */
export async function millraceHere(args: readonly string[]): Promise<Answer> {
  const text = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((some) => {
      text[name] += String(some)
      return true
    }),
  )
  try {
    await runCli(args)
    return { code: Number(process.exitCode ?? 0), ...text }
  } finally {
    process.exitCode = undefined
    for (const spy of spies) spy.mockRestore()
  }
}

/** What a process wrote, and how it ended. */
export async function ended(child: ChildProcess): Promise<Answer> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

/** Resolves with the text so far once a process has written something that matches. */
export function written(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const hear = (chunk: Buffer): void => {
      text += String(chunk)
      if (pattern.test(text)) resolve(text)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('close', () => reject(new Error(`It ended without ${String(pattern)}: ${text}`)))
  })
}

export function jsonLines(text: string): readonly Readonly<Record<string, unknown>>[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
