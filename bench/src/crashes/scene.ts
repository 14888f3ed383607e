/** A contender at work on an empty store: its two processes, its client, and the journal of what its handlers did. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Site } from '../engines/site.ts'
import type { Contender, Opened } from './contender.ts'
import { Crew } from './crew.ts'

export interface Scene {
  readonly contender: Contender
  readonly opened: Opened
  readonly crew: Crew
  /** The path of the journal. */
  readonly journal: string
  /** Shorter and smaller in every respect: shows that it runs; its figures mean nothing. */
  readonly quick: boolean
}

export async function onStage<T>(
  contender: Contender,
  { site, quick }: { readonly site: Site; readonly quick: boolean },
  play: (scene: Scene) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-crashes-'))
  const journal = join(folder, 'journal')
  writeFileSync(journal, '')
  await using plot = await site.plot()
  // the client first: it makes the schema, which processes that start at once would all make
  const opened = await contender.open(plot.url)
  try {
    await using crew = await Crew.start({ contender: contender.name, url: plot.url, journal })
    return await play({ contender, opened, crew, journal, quick })
  } finally {
    await opened.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

export interface Patience {
  readonly boundMs: number
  readonly everyMs: number
}

/** Looks again and again whether something has happened; `false`: not within the bound. */
export async function until(
  { crew }: Scene,
  { boundMs, everyMs }: Patience,
  happened: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const giveUpAt = performance.now() + boundMs
  for (;;) {
    crew.check()
    if (await happened()) return true
    if (performance.now() > giveUpAt) return false
    await sleep(everyMs)
  }
}
