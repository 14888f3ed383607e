/** How a store comes to Redis: by connections of its own, or by a client of the user's. */
import { GuestLine } from './guest-line.ts'
import { Link } from './link.ts'
import { listen as listenOn, newClient } from './driver.ts'
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
  const address = { url: server, place, timeoutMs }
  const line = new Link({ ...address, dial: newClient, connected: async () => connected() })
  return { line, listen: (channel, ear) => listenOn(address, channel, ear) }
}
