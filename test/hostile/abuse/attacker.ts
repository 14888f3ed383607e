/** One attack in a process of its own, until that is ended: `attacker.ts NAME PLACE`. */
import { ATTACKS } from './attacks.ts'
import type { Place } from './part.ts'

process.on('disconnect', () => process.exit(0)) // it goes with its parent
ATTACKS[process.argv[2]!]!(JSON.parse(process.argv[3]!) as Place)
process.send!('begun')
