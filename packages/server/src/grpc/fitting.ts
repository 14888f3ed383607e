/** What a redaction answers may be of any kind; a message has fields of one. */
import { AS_IT_IS, type Redact, type ShownPlace } from '../service/redaction.ts'

/** These are JSON in messages, of whatever kind. */
const ANY: ReadonlySet<ShownPlace['what']> = new Set(['input', 'result', 'checkpoint'])

/** The same redaction, whose answers have the form of what was there; what has not is shown as the text that it is, or is empty. */
export function fittingRedact(redact: Redact): Redact {
  if (redact === AS_IT_IS) return redact
  return (value, place) => {
    const shown = redact(value, place)
    return shown === value || ANY.has(place.what) ? shown : fitted(value, shown)
  }
}

function fitted(value: unknown, shown: unknown): unknown {
  if (value === null || value === undefined) return typeof shown === 'string' ? shown : null
  if (Array.isArray(value)) return fittedList(value, shown)
  if (typeof value === 'object') return fittedObject(value, shown)
  if (typeof shown === typeof value) return shown
  return typeof value === 'string' ? textOf(shown) : value
}

function fittedList(values: readonly unknown[], shown: unknown): readonly unknown[] {
  if (!Array.isArray(shown)) return []
  const [like] = values
  return like === undefined ? [] : shown.map((one) => fitted(like, one))
}

/** A map keeps what is text in it; of all else each member keeps its kind. */
function fittedObject(value: object, shown: unknown): unknown {
  const members = Object.entries(value)
  if (typeof shown !== 'object' || shown === null || Array.isArray(shown))
    return Object.fromEntries(members.map(([name, was]) => [name, hidden(name, was, shown)]))
  const given = shown as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    members.flatMap(([name, was]) =>
      Object.hasOwn(given, name) ? [[name, fitted(was, given[name])]] : [[name, hidden(name, was, '')]],
    ),
  )
}

/** What stands where nothing is to be seen. */
function hidden(name: string, was: unknown, shown: unknown): unknown {
  if (typeof was === 'string') return name === 'message' ? textOf(shown) : ''
  if (Array.isArray(was)) return []
  return typeof was === 'object' ? null : was
}

function textOf(shown: unknown): string {
  return typeof shown === 'string' ? shown : ''
}
