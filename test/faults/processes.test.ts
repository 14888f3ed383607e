/** Worker processes that are killed, stopped, or relieved, and handlers that do not listen. */
import { cutTicks } from './scenarios/cut-ticks.ts'
import { deafHandlers } from './scenarios/deaf-handlers.ts'
import { deploys } from './scenarios/deploys.ts'
import { kills } from './scenarios/kills.ts'
import { races } from './scenarios/races.ts'
import { strays } from './scenarios/strays.ts'
import { zombies } from './scenarios/zombies.ts'
import { shortTier, together } from './short-tier.ts'

together([deafHandlers, strays, zombies])
shortTier([kills, cutTicks, races, deploys])
