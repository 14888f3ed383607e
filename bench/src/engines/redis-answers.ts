/** What Redis answers to INFO, by name. */
export function linesOf(info: string): Readonly<Record<string, string>> {
  const pairs = info.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const]
  })
  return Object.fromEntries(pairs)
}
