/** What the processes of an abuse say to each other. */

/** Where the server is, and with which credentials. */
export interface Place {
  readonly url: string
  readonly grpcUrl: string
  /** The attacker has a credential of its own: who shares one shares what it may use. */
  readonly tokens: { readonly producer: string; readonly attacker: string }
}

/** What an attacker has done so far. */
export interface Through {
  /** That were let in by the server's kernel, though maybe not by the server. */
  readonly connections: number
  readonly streams: number
  /** That the server's kernel has taken. */
  readonly bytes: number
}

/** What the server has taken so far: bytes of memory, and milliseconds of processors. */
export interface Usage {
  readonly rss: number
  readonly cpuMs: number
}

export type FromServer = { readonly place: Place } | Usage | { readonly error: string }
export interface FromAttacker {
  readonly through: Through
}
