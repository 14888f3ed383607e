/** The task that contenders run: what it does to the process that runs it, and what it writes down. */
import { setTimeout as sleep } from 'node:timers/promises'
import { note } from './journal.ts'

export interface CrashTask {
  readonly n: number
  readonly does: 'wait' | 'block' | 'kill' | 'abort'
  /** For how long it waits or blocks. */
  readonly ms: number
  /** The file that it notes its start and its end in; in its input, since some run it in a process of its own. */
  readonly journal: string
}

export async function run({ n, does, ms, journal }: CrashTask): Promise<void> {
  note(journal, 'start', n)
  switch (does) {
    case 'wait':
      await sleep(ms)
      break
    case 'block':
      blockThread(ms)
      break
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      break
    case 'abort':
      process.abort()
  }
  note(journal, 'end', n)
}

/** As work does that never gives up the thread. */
function blockThread(ms: number): void {
  const until = performance.now() + ms
  while (performance.now() < until);
}
