/** A server as a whole: who may come in, what is noted, what answers, and where. */
import type { Mill } from '@millrace/core'
import { newAuthenticator, type AuthOptions } from './access/authenticator.ts'
import { openAudit, type AuditOptions } from './audit/sinks.ts'
import { Draining } from './listen/draining.ts'
import { listenLimits } from './listen/limits.ts'
import { checkListening, listen, type Listening, type ListenOptions } from './listen/listen.ts'
import { newTransports } from './transports.ts'
import type { Redact } from './service/redaction.ts'

/** How a server runs. */
export interface StartOptions extends ListenOptions {
  /** By what callers are known. Default `none`, with which it listens on the loopback only. */
  readonly auth?: AuthOptions | undefined
  /** Where it is noted what operators do: the path of a file, or a function. Default: the log. */
  readonly audit?: AuditOptions | undefined
  /** What is shown in the place of users' values. Default: the values themselves. */
  readonly redact?: Redact | undefined
}

/**
 * Starts a server over a client's store. The client is yours: close it when the server is closed.
 *
 * @throws InvalidArgumentError if it would be open to others, an address is not to be had, or an option is wrong; what
 *   `mill.open` throws
 */
export async function startServer(mill: Mill, options: StartOptions = {}): Promise<Listening> {
  const { auth = 'none', audit: auditTo, redact = (value) => value, ...listening } = options
  // before the store is opened, which may make it
  checkListening(auth === 'none' ? 'none' : 'some', listening)
  const { store, platform, logger } = mill['~served']
  const authenticator = await newAuthenticator(auth, { logger, platform })
  const audit = await openAudit(auditTo, logger).catch((error: unknown) => {
    authenticator.close()
    throw error
  })
  const end = async (): Promise<void> => {
    authenticator.close()
    await audit.close()
  }
  try {
    await mill.open()
    const draining = new Draining()
    const limits = listenLimits(listening.limits)
    const problem = (): string | null => authenticator.problem
    const parts = { mill, store, platform, logger, authenticator, audit, redact }
    const transports = await newTransports({ ...parts, draining, limits, problem })
    const answering = { ...transports, authentication: authenticator.kind, draining, logger, platform }
    const listened = await listen(answering, listening)
    return {
      url: listened.url,
      grpcUrl: listened.grpcUrl,
      get problem() {
        return authenticator.problem ?? listened.problem
      },
      async close(how) {
        await listened.close(how)
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}
