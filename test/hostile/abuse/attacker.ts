/**
 * One attack in a process of its own, until that is ended: `attacker.ts NAME PLACE`. What got through is told, so that
 * everybody sees that it was an attack.
 */
import { constants, setPriority } from 'node:os'
import { ATTACKS } from './attacks.ts'
import { through } from './dialling.ts'
import type { FromAttacker, Place } from './part.ts'

const TELL_MS = 100

const say = (message: FromAttacker): void => void process.send!(message)
setPriority(constants.priority.PRIORITY_LOW)
process.on('disconnect', () => process.exit(0)) // it goes with its parent
ATTACKS[process.argv[2]!]!(JSON.parse(process.argv[3]!) as Place)
setInterval(() => say({ through: through() }), TELL_MS)
