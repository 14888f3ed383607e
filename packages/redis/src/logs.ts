/** A task's log entries, each JSON, in a MessagePack array of texts that scripts write. */
import type { LogEntry } from '@millrace/core/store'

export function logsOf(packed: Buffer | undefined): readonly LogEntry[] {
  if (packed === undefined) return []
  const { count, from } = arrayHead(packed)
  const entries: LogEntry[] = []
  let at = from
  for (let index = 0; index < count; index++) {
    const { length, start } = textHead(packed, at)
    entries.push(JSON.parse(packed.toString('utf8', start, start + length)) as LogEntry)
    at = start + length
  }
  return entries
}

function arrayHead(packed: Buffer): { readonly count: number; readonly from: number } {
  const type = packed[0]!
  if ((type & 0xf0) === 0x90) return { count: type & 0x0f, from: 1 }
  if (type === 0xdc) return { count: packed.readUInt16BE(1), from: 3 }
  return { count: packed.readUInt32BE(1), from: 5 }
}

function textHead(packed: Buffer, at: number): { readonly length: number; readonly start: number } {
  const type = packed[at]!
  if ((type & 0xe0) === 0xa0) return { length: type & 0x1f, start: at + 1 }
  if (type === 0xd9) return { length: packed[at + 1]!, start: at + 2 }
  if (type === 0xda) return { length: packed.readUInt16BE(at + 1), start: at + 3 }
  return { length: packed.readUInt32BE(at + 1), start: at + 5 }
}
