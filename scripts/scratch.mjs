// Where the tests keep what they make: in memory, where the machine has enough of it. Most of what they wait for is the disk, and none of
// them takes the power away.
import { accessSync, chmodSync, constants, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'

const MEMORY = '/dev/shm'
/** Servers and stores of several test files at the same time. */
const BYTES_MIN = 8 * 2 ** 30

/** Lets TMPDIR name it, unless it names something already; says so. */
export function scratchInMemory(/** @type {(text: string) => void} */ say) {
  if (process.env['TMPDIR'] !== undefined || !isFit()) return
  process.env['TMPDIR'] = MEMORY
  say(`What the tests make is kept in ${MEMORY}; TMPDIR=/tmp keeps it on the disk.`)
}

function isFit() {
  try {
    accessSync(MEMORY, constants.W_OK)
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= BYTES_MIN && runsPrograms()
  } catch {
    return false // there is none, or none for us
  }
}

/** Where nothing may be executed, packages cannot be tried. */
function runsPrograms() {
  const folder = mkdtempSync(join(MEMORY, 'millrace-probe-'))
  try {
    const file = join(folder, 'probe')
    writeFileSync(file, '#!/bin/sh\nexit 0\n')
    chmodSync(file, 0o755)
    return spawnSync(file).status === 0
  } finally {
    rmSync(folder, { recursive: true })
  }
}
