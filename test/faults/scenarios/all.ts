/** Every scenario, in the order in which they run. */
import { badNetwork } from './bad-network.ts'
import { blockedThreads } from './blocked-threads.ts'
import { clockJumps } from './clock-jumps.ts'
import { cutBulks } from './cut-bulks.ts'
import { cutTicks } from './cut-ticks.ts'
import { deafHandlers } from './deaf-handlers.ts'
import { deploys } from './deploys.ts'
import { droppedReplies } from './dropped-replies.ts'
import { failingAtOnce } from './failing-at-once.ts'
import { fullDisks } from './full-disks.ts'
import { heldFiles } from './held-files.ts'
import { kills } from './kills.ts'
import { outages } from './outages.ts'
import { races } from './races.ts'
import { exhaustedConnections, serverTroubles } from './server-troubles.ts'
import { skewedClocks } from './skewed-clocks.ts'
import { strays } from './strays.ts'
import { zombies } from './zombies.ts'
import type { Scenario } from './scenario.ts'

export const SCENARIOS: readonly Scenario[] = [
  kills,
  zombies,
  races,
  deploys,
  deafHandlers,
  blockedThreads,
  strays,
  cutTicks,
  outages,
  serverTroubles,
  exhaustedConnections,
  droppedReplies,
  cutBulks,
  badNetwork,
  heldFiles,
  fullDisks,
  skewedClocks,
  clockJumps,
  failingAtOnce,
]
