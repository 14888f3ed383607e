/** Files that are locked or have no room, clocks that are wrong, and failures that come all at once. */
import process from 'node:process'
import { clockJumps } from './scenarios/clock-jumps.ts'
import { failingAtOnce } from './scenarios/failing-at-once.ts'
import { fullDisks } from './scenarios/full-disks.ts'
import { heldFiles } from './scenarios/held-files.ts'
import { skewedClocks } from './scenarios/skewed-clocks.ts'
import { shortTier } from './short-tier.ts'

shortTier([heldFiles, skewedClocks, clockJumps, failingAtOnce])
// only root may mount a disk to fill
if (process.getuid?.() === 0) shortTier([fullDisks])
