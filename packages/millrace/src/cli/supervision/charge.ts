/** Starting a worker process, with a channel to it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { messageOf, textOf } from './line.ts'
import type { Charge, ChargeEvents } from './supervisor.ts'

/** A channel that stays open behind its process, in the hands of a child of its own, is not waited for any longer. */
const LAST_WORDS_MS = 1_000

export interface ChargeSpec {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: 'inherit' | 'ignore'
}

/**
 * The process hears orders over a channel: signals that go to all processes of a terminal or of a service reach it
 * too, and a drain that was asked for twice in that way is still a drain.
 *
 * @param heard is told what else it says
 */
export function startCharge(
  { args, env, stdin }: ChargeSpec,
  events: ChargeEvents,
  heard?: (said: unknown) => void,
): Charge {
  const line = [...process.execArgv, process.argv[1]!, ...args]
  const child = spawn(process.execPath, line, {
    stdio: [stdin, 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  })
  child.on('message', (message) => {
    const text = textOf(message)
    if (text === 'ready') events.ready()
    else if (text === 'stopped') events.stopped()
    else heard?.(text)
  })
  child.once('exit', (code, signal) => whenHeard(child, () => events.ended({ code, signal })))
  child.once('error', (error) => {
    if (child.pid === undefined) events.ended({ code: null, signal: error.message })
  })
  return {
    pid: child.pid,
    tell: (order) => void child.send(messageOf(order), () => undefined), // one that cannot hear it is about to end
    kill: () => void child.kill('SIGKILL'),
  }
}

/** What it said last may be read only after it is gone. */
function whenHeard(child: ChildProcess, then: () => void): void {
  if (!child.connected) return then()
  const timer = setTimeout(() => child.disconnect(), LAST_WORDS_MS)
  child.once('disconnect', () => {
    clearTimeout(timer)
    then()
  })
}
