/** What values look like, as the options of their fields say. What is otherwise is refused before anything is done. */
import { getOption, ScalarType, type DescField } from '@bufbuild/protobuf'
import { unreadable } from './reader.ts'
import { form, Form, max } from './generated/millrace/v1/forms_pb.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const NONCE = /^[0-9a-f]{1,16}$/
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/

const OFFER = /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,255}$/

const INT32_MAX = 2 ** 31 - 1
const INT64_MAX = 2 ** 47 - 1

/** Of a text, or of each text of a list; `null`: any will do. */
export function textCheck(field: DescField): ((text: string) => void) | null {
  const named = field.name
  switch (getOption(field, form)) {
    case Form.UUID:
      return fits(UUID, `${named} is no UUID`)
    case Form.NONCE:
      return fits(NONCE, `${named} is not hexadecimal digits`)
    case Form.NAME:
      return fits(NAME, `${named} is no name`)
    case Form.OFFER:
      return fits(OFFER, `${named} is no offer`)
    default:
      return field.fieldKind === 'scalar' ? lengthCheck(field) : null
  }
}

function fits(pattern: RegExp, problem: string): (text: string) => void {
  return (text) => {
    if (!pattern.test(text)) throw unreadable(problem)
  }
}

function lengthCheck(field: DescField): ((text: string) => void) | null {
  const bytesMax = getOption(field, max)
  if (bytesMax === 0) return null
  return (text) => {
    if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax)
      throw unreadable(`${field.name} has more than ${bytesMax} bytes`)
  }
}

/** How many elements a list may have; `Infinity`: any number. */
export function elementsMax(field: DescField): number {
  const elements = getOption(field, max)
  return elements === 0 ? Infinity : elements
}

/** The largest whole number that a field may have. */
export function numberMax(field: DescField): number {
  const typeMax = field.scalar === ScalarType.INT64 ? INT64_MAX : INT32_MAX
  return field.fieldKind === 'scalar' ? getOption(field, max) || typeMax : typeMax
}
