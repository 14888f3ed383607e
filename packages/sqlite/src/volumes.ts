/** How many final tasks there are, and their bytes: counted while an operation goes on, and written down at its end. */
import { ADD_VOLUME, DROP_EMPTY_VOLUME } from './statements/tasks.ts'
import type { Pass } from './home.ts'

const HOUR_MS = 3_600_000

export interface VolumeChange {
  readonly queue: number
  readonly state: number
  readonly at: number
  readonly count: number
  readonly bytes: number
}

export function addToVolume(pass: Pass, { queue, state, at, count, bytes }: VolumeChange): void {
  const hour = Math.floor(at / HOUR_MS)
  const key = `${queue} ${state} ${hour}`
  let volume = pass.volumes.get(key)
  if (volume === undefined) {
    volume = { queue, state, hour, count: 0, bytes: 0 }
    pass.volumes.set(key, volume)
  }
  volume.count += count
  volume.bytes += bytes
}

/** Writes down how the volumes have changed: once per operation. */
export function flushVolumes({ database, volumes }: Pass): void {
  for (const { queue, state, hour, count, bytes } of volumes.values()) {
    if (count === 0 && bytes === 0) continue
    database.run(ADD_VOLUME, queue, state, hour, count, bytes)
    if (count < 0) database.run(DROP_EMPTY_VOLUME, queue, state, hour)
  }
  volumes.clear()
}
