/** A child process as the vessel of an isolate. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { besideModule } from './beside.ts'
import { meterChild } from './meter.ts'
import { handedOn } from './node-options.ts'
import type { Ending, Vessel, VesselPlan } from './vessel.ts'

/** What a program may need to run at all, and that says nothing about others. */
const HARMLESS = [
  'PATH',
  'HOME',
  'LANG',
  'LANGUAGE',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'NODE_ENV',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SYSTEMROOT',
  'WINDIR',
]

const MIB = 1_048_576
/** Where the child's watch writes what the child takes: bytes, and processor time in milliseconds; or the most bytes alone. */
export const USE_PIPE = 4

/** @throws InvalidArgumentError if it was left out of a bundle */
export function processEntry(): URL {
  return besideModule(import.meta.url, 'isolate-process')
}

export function startProcess(plan: VesselPlan): Vessel {
  const child = fork(fileURLToPath(processEntry()), {
    execArgv: [
      ...handedOn(process.execArgv),
      ...(plan.heapMb === null ? [] : [`--max-old-space-size=${plan.heapMb}`]),
    ],
    env: environment(plan.env),
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  })
  child.unref()
  child.channel?.unref()
  child.on('message', (message) => plan.hear(message))
  const use = watchUse(child, plan.memoryMb)
  const gone = new Promise<Ending>((resolve) => {
    child.on('error', (error) => {
      if (child.pid === undefined) resolve({ ...NO_ENDING, why: 'error', error })
    })
    // with the pipes: what the child last said of its memory is read before
    child.once('close', (exitCode, signal) => resolve({ ...endingOf(exitCode, signal), ...use() }))
  })
  return {
    post: (message) => {
      // that it cannot be sent is that the child is gone, or goes: its end says so
      if (child.connected) child.send(message as object, () => undefined)
    },
    lose: () => undefined,
    kill: () => void child.kill('SIGKILL'),
    gone,
  }
}

const NO_ENDING: Ending = { why: 'exit', exitCode: null, signal: null, error: null, peakMb: null }

/** V8 itself ends a process whose heap is full, by an abort. */
function endingOf(exitCode: number | null, signal: string | null): Ending {
  return { ...NO_ENDING, why: signal === null ? 'exit' : 'signal', exitCode, signal }
}

/** Kills a child that takes too much; the answer says at the end what was seen. */
function watchUse(
  child: ChildProcess,
  memoryMb: number | null,
): () => Pick<Ending, 'peakMb'> & { readonly why?: 'memory' } {
  let peakMb: number | null = null
  let over = false
  let rest = ''
  const meter = meterChild()
  const pipe = child.stdio[USE_PIPE]
  pipe?.on('error', () => undefined) // the child is gone, and its end says so
  pipe?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('latin1')).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const [bytes, cpuMs] = line.split(' ').map(Number) as [number] | [number, number]
      if (cpuMs !== undefined) meter.heard({ memory: bytes, cpuMs })
      const mb = Math.round(bytes / MIB)
      if (!(mb > (peakMb ?? 0))) continue
      peakMb = mb
      if (memoryMb === null || mb <= memoryMb || over) continue
      over = true
      child.kill('SIGKILL')
    }
  })
  ;(pipe as { unref?: () => void } | null | undefined)?.unref?.()
  return () => {
    meter.ended()
    return over ? { peakMb, why: 'memory' } : { peakMb }
  }
}

function environment(names: readonly string[] | null): NodeJS.ProcessEnv {
  if (names === null) return { ...process.env }
  const seen: NodeJS.ProcessEnv = {}
  for (const name of [...HARMLESS, ...names]) {
    const value = process.env[name]
    if (value !== undefined) seen[name] = value
  }
  return seen
}
