/** How a store comes to Redis: by connections of its own, or by a client of the user's. */
import { GuestLine } from './guest-line.ts'
import { Link, listen as listenOn } from './link.ts'
import type { CheckedOptions } from './options.ts'
import type { Line, Listen } from './line.ts'

export interface Connection {
  readonly line: Line
  readonly listen: Listen
}

export function connectionOf({ server, place, timeoutMs }: CheckedOptions): Connection {
  if (typeof server !== 'string') {
    return { line: new GuestLine(server, { place, timeoutMs }), listen: server.listen }
  }
  const options = { url: server, place, timeoutMs }
  return { line: new Link(options), listen: (channel, ear) => listenOn(options, channel, ear) }
}
