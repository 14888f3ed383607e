// Ordinary tasks among which some are pills. Plain JavaScript: threads import it, and of Millrace only what they need, for they die often.
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { defineTask, unchecked } from '@millrace/core'

/** @typedef {{ n: number, pill: 'memory' | 'abort' | 'exit' | null }} Work */
/** @type {import('@millrace/core').Schema<Work>} */
const input = unchecked()
const options = { input, timeout: 20_000, queue: 'poison' }
export const inline = defineTask('inline', options)
export const thread = defineTask('thread', options)
export const child = defineTask('child', options)

/** @param {Work} work */
async function work({ n, pill }) {
  await pause(5)
  if (pill === 'exit') process.exit(3)
  if (pill === 'abort') process.abort()
  const kept = []
  while (pill === 'memory') kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })))
  return n
}

export const handlers = [
  inline.handler(work),
  thread.handler(work, { runIn: 'thread', heapMb: 32 }),
  child.handler(work, { runIn: 'process', heapMb: 32 }),
]
