/** How a store comes to Redis: by connections of its own, or by a client of the user's. */
import { GuestLine } from './guest-line.ts'
import { Link, listen as listenOn } from './link.ts'
import type { CheckedOptions } from './options.ts'
import type { Line, Listen } from './line.ts'

export interface Connection {
  readonly line: Line
  readonly listen: Listen
}

/** @param connected is called with each new connection: it may lead to another server than the last one */
export function connectionOf(
  { server, place, timeoutMs }: CheckedOptions,
  connected: () => void,
): Connection {
  if (typeof server !== 'string') {
    return { line: new GuestLine(server, { place, timeoutMs }, connected), listen: server.listen }
  }
  const options = { url: server, place, timeoutMs }
  const line = new Link({ ...options, connected: async () => connected() })
  return { line, listen: (channel, ear) => listenOn(options, channel, ear) }
}
