/** What the processes of an abuse say to each other. */

/** Where the server is, and with which credentials. */
export interface Place {
  readonly url: string
  readonly grpcUrl: string
  readonly tokens: { readonly viewer: string; readonly producer: string }
}

export type FromServer = { readonly place: Place } | { readonly rss: number } | { readonly error: string }
