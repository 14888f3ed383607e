/** A worker process of a contender, until something kills it. */
import { contenderNamed } from './contenders/all.ts'
import { note } from './journal.ts'
import type { Part } from './crew.ts'

// without its parent nobody counts any more
process.on('disconnect', () => process.exit(1))

const { contender, url, journal } = JSON.parse(process.argv[2]!) as Part
const opened = await contenderNamed(contender).open(url)
await opened.work((n) => note(journal, 'accepted', n))
process.send!('ready')
