/** What an API key looks like: `mr_ID_SECRET`. The id names it, in logs too; the secret is known to who uses it only. */
import { createHash, randomInt } from 'node:crypto'

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 10
/** Of 62 letters: 256 random bits. */
const SECRET_LENGTH = 43
const FORM = /^mr_([0-9A-Za-z]{1,32})_([0-9A-Za-z]{22,128})$/

export function newKeyId(): string {
  return letters(ID_LENGTH)
}

/** A new secret for the key of that id, as its user gets it. */
export function newToken(id: string): string {
  return `mr_${id}_${letters(SECRET_LENGTH)}`
}

/** The id of the key that a token is one of, if it looks like one. */
export function keyIdOf(token: string): string | undefined {
  return FORM.exec(token)?.[1]
}

/** What is kept of a token, in hexadecimal. Of 256 random bits nobody finds one by trying: no salt, no work factor. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function letters(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}
