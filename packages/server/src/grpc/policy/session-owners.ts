/**
 * To which credential a session belongs. It stands with the session in the store, at the end of its host, where operators
 * can read it: so it holds for all servers before that store, and after each of them has started again.
 */
import { AccessError } from '@millrace/core'
import type { SessionId, Store } from '@millrace/core/store'
import type { Caller } from '../../access/caller.ts'

/** So many sessions are known without a look into the store. */
const KNOWN_MAX = 10_000

const MARK = / \[as [^\]]*\]$/

export class SessionOwners {
  readonly #store: Store
  /** Marks by sessions, the latest last. */
  readonly #known = new Map<SessionId, string>()

  constructor(store: Store) {
    this.#store = store
  }

  /** @throws AccessError `forbidden` if it is somebody else's; one that nobody has, or has any more, is nobody's */
  async require(session: SessionId, caller: Caller): Promise<void> {
    const owner = this.#known.get(session) ?? (await this.#look(session))
    if (owner === undefined || owner === markOf(caller)) return
    throw new AccessError('forbidden', `The session ${session} belongs to another credential.`, {
      hint: 'A worker has to go on with the credential that it opened its session with.',
    })
  }

  /** From now on it is the caller's. */
  opened(session: SessionId, caller: Caller): void {
    this.#note(session, markOf(caller))
  }

  closed(session: SessionId): void {
    this.#known.delete(session)
  }

  async #look(session: SessionId): Promise<string | undefined> {
    const found = (await this.#store.sessions()).find((record) => record.session === session)
    if (found === undefined) return undefined
    const mark = MARK.exec(found.host)?.[0] ?? ''
    this.#note(session, mark)
    return mark
  }

  #note(session: SessionId, mark: string): void {
    this.#known.delete(session)
    this.#known.set(session, mark)
    if (this.#known.size <= KNOWN_MAX) return
    const [oldest] = this.#known.keys()
    this.#known.delete(oldest!)
  }
}

/** The host of a session as it is kept. */
export function markedHost(host: string, caller: Caller): string {
  return host + markOf(caller)
}

/** The host of a session as its worker gave it. */
export function givenHost(host: string): string {
  return host.replace(MARK, '')
}

/** No name can look like the mark of another one. */
function markOf({ name }: Caller): string {
  return ` [as ${name.replaceAll(/[%[\]]/g, (sign) => encodeURIComponent(sign))}]`
}
