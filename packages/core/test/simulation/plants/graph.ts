/** Builds core's simulation once more with a bug in it: the same module graph, in which one source file is patched. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { PLANTS, type Plant } from './plants.ts'
import type { play } from '../../../src/simulation/index.ts'

const SOURCES = new URL('../../../src/', import.meta.url).href

/** The planted graph's `play`; each import of a module of it carries the plant's number along. */
export async function plantedPlay(plant: Plant): Promise<typeof play> {
  const number = PLANTS.indexOf(plant)
  const module = (await import(`${SOURCES}simulation/index.ts?plant=${number}`)) as { play: typeof play }
  return module.play
}

function plantOf(url: string): Plant | undefined {
  const number = /\?plant=(\d+)$/.exec(url)?.[1]
  return number === undefined ? undefined : PLANTS[Number(number)]
}

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context)
    const plant = plantOf(context.parentURL ?? '')
    if (plant === undefined || !resolved.url.startsWith(SOURCES) || resolved.url.includes('?'))
      return resolved
    return { ...resolved, url: `${resolved.url}?plant=${PLANTS.indexOf(plant)}` }
  },
  load(url, context, next) {
    const loaded = next(url, context)
    const plant = plantOf(url)
    if (plant === undefined || !url.startsWith(`${SOURCES}${plant.file}?`)) return loaded
    return { ...loaded, source: patched(plant, readFileSync(new URL(url), 'utf8')) }
  },
})

function patched({ name, file, find, replace }: Plant, source: string): string {
  if (source.split(find).length === 2) return source.replace(find, () => replace)
  throw new Error(`${name}: ${file} no longer holds this exactly once: ${find}`)
}
