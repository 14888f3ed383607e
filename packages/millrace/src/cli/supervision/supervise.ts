/** `millrace worker` as its user starts it: the process that keeps the worker processes running. */
import { Output } from '../output.ts'
import { goOnUnheard } from '../unheard.ts'
import { startCharge } from './charge.ts'
import type { Supervision } from './command-line.ts'
import { Supervisor, type Ending, type Notice } from './supervisor.ts'

/** Resolves when the worker processes have ended, with the code to end with. */
export async function supervise({ args, processes, json }: Supervision): Promise<number> {
  goOnUnheard()
  const output = new Output({ json })
  const supervisor = new Supervisor({
    processes,
    start: (index, events) =>
      startCharge({ args, env: { MILLRACE_PROCESS: String(index + 1) }, stdin: 'inherit' }, events),
    say: (notice) => say(output, notice),
    nowMs: () => performance.now(),
    chance: () => Math.random(),
    later: (delayMs, run) => {
      const timer = setTimeout(run, delayMs)
      return () => clearTimeout(timer)
    },
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => supervisor.asked())
  return supervisor.run()
}

function say(output: Output, notice: Notice): void {
  const message = messageFor(notice)
  if (!output.json) return output.note(`millrace: ${message}`)
  const level = notice.kind === 'given up' ? 'error' : 'warn'
  output.value({ at: new Date().toISOString(), level, message, ...notice })
}

function messageFor(notice: Notice): string {
  if (notice.kind === 'died') {
    const inSeconds = (notice.delayMs / 1_000).toFixed(1)
    return `Worker ${notice.pid ?? 'process'} died (${howOf(notice.ending)}). Another one is started in ${inSeconds} s.`
  }
  if (notice.kind === 'killed') return `Worker ${notice.pid ?? 'process'} did not end, and is killed.`
  return (
    `The worker process died ${notice.deaths} times in a row soon after its start, the last time by ${howOf(notice.ending)}. ` +
    'No other one is started.\n  Look at what it said before it died.'
  )
}

function howOf({ code, signal }: Ending): string {
  return signal === null ? `exit code ${code ?? 'unknown'}` : signal
}
