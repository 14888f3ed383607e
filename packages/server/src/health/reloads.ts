/** What a server reads again while it runs: when it cannot, what was read last still counts, and somebody has to hear of it. */

/** Its file of keys, the public keys of tokens, the files of TLS. */
export type ReloadSource = 'keys' | 'jwks' | 'tls'

/** Of those that there are what is the matter; `null`: nothing. */
export type Reloads = ReadonlyMap<ReloadSource, string | null>
