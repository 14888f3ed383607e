/** Locks, as docs/locks.md tells of them. */
import { connect } from 'millrace'

await using mill = await connect()

/** What is protected: it remembers the largest token that it has seen, and refuses smaller ones. */
const ledger = {
  seen: 0,
  lines: [] as string[],
  write(line: string, token: number) {
    if (token < this.seen) throw new Error(`token ${token} is old: ${this.seen} was here`)
    this.seen = token
    this.lines.push(line)
  },
}

async function closeTheBooks(month: string): Promise<void> {
  await using lock = await mill.lock('books', { within: '10s' })
  for (const step of ['sums', 'balance', 'seal']) {
    lock.throwIfLost() // or hand lock.signal to what takes long
    ledger.write(`${month}: ${step}`, lock.token)
  }
}

await Promise.all([closeTheBooks('January'), closeTheBooks('February')])
console.log(ledger.lines.length, 'lines,', (await mill.locks()).length, 'locks held')

const held = await mill.lock('books')
const attempt = await mill.lock('books').catch((error: unknown) => error)
console.log((attempt as Error).message)
await held.release()
