/** That the scenarios can fail: each is run on stores that are broken on purpose, and says so. */
import process from 'node:process'
import { SCENARIOS } from './scenarios/all.ts'
import { shortTierBroken } from './short-tier.ts'

// only root may mount a disk to fill
shortTierBroken(SCENARIOS.filter(({ name }) => name !== 'full-disks' || process.getuid?.() === 0))
