/** A process and those that it has started: Postgres has one for each connection. */
import { execFileSync } from 'node:child_process'
import process from 'node:process'
import type { PrivateServer } from './server.ts'

/** The process first. */
export function familyOf(pid: number): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const all = lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number])
  return [pid, ...all.filter(([, parent]) => parent === pid).map(([child]) => child)]
}

/** One that is gone already is none the worse for it. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Ends a server with all its processes at once, as when the machine dies. */
export async function killAll(server: PrivateServer): Promise<void> {
  signalAll(familyOf(server.pid!), 'SIGKILL')
  await server.kill('SIGKILL')
}
