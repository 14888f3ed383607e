/** Reads a scrape. */

/** The value of a sample by its name and its labels as they are written; `undefined`: there is none. */
export function sample(body: string, series: string): number | undefined {
  const line = body.split('\n').find((text) => text.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

/** The names of all families that a scrape declares. */
export function familiesOf(body: string): ReadonlySet<string> {
  return new Set([...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!))
}
