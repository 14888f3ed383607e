/** Addresses and headers as a log may show them: without what opens doors. */

const MASK = '***'
const SECRET = /authorization|cookie|password|passwd|secret|token|api[-_]?key|credential|signature/i

/** Headers whose value may be a secret show `***` in its place; their names stay. */
export function maskedHeaders(
  headers: Iterable<readonly [name: string, value: string]>,
): Readonly<Record<string, string>> {
  return Object.fromEntries([...headers].map(([name, value]) => [name, SECRET.test(name) ? MASK : value]))
}

/** A URL, whole or from its path on, without the password, and without the values of parameters that may be secrets. */
export function maskedUrl(url: string): string {
  const withoutUser = withoutPassword(url)
  const [, before, query, hash] = /^([^?#]*)\?([^#]*)(#.*)?$/s.exec(withoutUser) ?? []
  if (before === undefined || query === undefined) return withoutUser
  const pairs = query.split('&').map((pair) => {
    const name = pair.split('=', 1)[0]!
    return isSecret(name) ? `${name}=${MASK}` : pair
  })
  return `${before}?${pairs.join('&')}${hash ?? ''}`
}

/** What cannot be taken apart may hold one all the same, by which it cannot be. */
function withoutPassword(url: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url
  const isClear = URL.canParse(url) && !/^[^/]*\/\/[^@]*[/?#][^@]*@/.test(url)
  if (!isClear) return url.replace(/:\/\/[\s\S]*@/, `://${MASK}@`)
  return url.replace(/:\/\/([^/?#]*)@/, (_, user: string) =>
    user.includes(':') ? `://${user.slice(0, user.indexOf(':'))}:${MASK}@` : `://${MASK}@`,
  )
}

/** What cannot be decoded may be anything. */
function isSecret(name: string): boolean {
  try {
    return SECRET.test(decodeURIComponent(name))
  } catch {
    return true
  }
}
