/** The audit as a file of lines of JSON, to which is only added. */
import { open, stat, type FileHandle } from 'node:fs/promises'
import { InvalidArgumentError, type Logger, type StoreError } from '@millrace/core'
import { unwritten } from './noting.ts'
import type { AuditEntry } from './audit.ts'
import type { OpenAudit } from './sinks.ts'

/** So many entries wait while a write is on its way: more calls than that are refused. */
const WAITING_MAX = 10_000
/** 64 KiB: of a longer target only its size is kept. */
const TARGET_LENGTH_MAX = 65_536

interface Waiting {
  readonly line: string
  readonly resolve: () => void
  readonly reject: (error: StoreError) => void
}

/** What comes while one write is on its way leaves together with the next: a sync for all of them. */
export class AuditFile implements OpenAudit {
  readonly #path: string
  readonly #logger: Logger
  #handle: FileHandle
  #waiting: Waiting[] = []
  #isClosed = false
  #writing: Promise<void> | undefined
  /** What a write that failed has left behind may be half a line. */
  #isBroken = false

  private constructor(path: string, handle: FileHandle, logger: Logger) {
    this.#path = path
    this.#handle = handle
    this.#logger = logger
  }

  /** @throws InvalidArgumentError */
  static async open(path: string, logger: Logger): Promise<AuditFile> {
    try {
      return new AuditFile(path, await opened(path), logger)
    } catch (cause) {
      throw new InvalidArgumentError(
        `The audit ${path} cannot be written (${String((cause as NodeJS.ErrnoException).code)}).`,
        {
          hint: 'Name a file in a folder where the server may write: --audit FILE (audit).',
          cause,
        },
      )
    }
  }

  note(entry: AuditEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(unwritten('it is closed'))
      if (this.#waiting.length >= WAITING_MAX) return reject(unwritten('it has fallen behind'))
      this.#waiting.push({ line: lineOf(entry), resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#writing
    await this.#handle.close()
  }

  async #write(): Promise<void> {
    await Promise.resolve() // what the same turn notes goes along
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#commit(batch.map(({ line }) => line).join(''))
        for (const { resolve } of batch) resolve()
      } catch (error) {
        this.#isBroken = true
        this.#logger.error({ err: error }, 'The audit cannot be written.')
        for (const { reject } of batch) reject(unwritten('its file cannot be written', error))
      }
    }
    // at once: what is noted from now on begins anew
    this.#writing = undefined
  }

  async #commit(lines: string): Promise<void> {
    await this.#follow()
    await this.#handle.appendFile(this.#isBroken ? `\n${lines}` : lines)
    await this.#handle.datasync()
    this.#isBroken = false
  }

  /** Who turns logs over moves the file away: then a new one is begun. */
  async #follow(): Promise<void> {
    const [there, ours] = await Promise.all([
      identity(() => stat(this.#path)),
      identity(() => this.#handle.stat()),
    ])
    if (there === ours) return
    const handle = await opened(this.#path)
    await this.#handle.close()
    this.#handle = handle
    this.#isBroken = false
  }
}

async function identity(
  look: () => Promise<{ readonly dev: number; readonly ino: number }>,
): Promise<string | null> {
  try {
    const { dev, ino } = await look()
    return `${dev}:${ino}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function opened(path: string): Promise<FileHandle> {
  return open(path, 'a', 0o600)
}

function lineOf({ at, target, ...rest }: AuditEntry): string {
  const text = JSON.stringify(target) ?? 'null'
  const kept = text.length <= TARGET_LENGTH_MAX ? target : { omittedLength: text.length }
  return `${JSON.stringify({ at: at.toISOString(), ...rest, target: kept ?? null })}\n`
}
