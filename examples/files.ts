/** Finding files and their packages: the part of the catalogue that has nothing to do with tasks. */
import { isUtf8 } from 'node:buffer'
import { readdir } from 'node:fs/promises'
import { matchesGlob } from 'node:path'

/** A path below the catalogued folder, as text; where its bytes are no UTF-8 also as base64. */
export interface Name {
  readonly path: string
  readonly base64?: string
  /** A folder that cannot be read. */
  readonly folder?: true
}

/** Files of one package: all of them, or as many as one task can answer for. */
export interface Part {
  readonly owner: Name
  readonly files: readonly Name[]
}

export interface Listing {
  readonly files: number
  /** Folders that cannot be read. */
  readonly folders: number
  /** Paths with a newline, which no list of lines can hold. */
  readonly newlines: number
  readonly packages: number
  readonly parts: readonly Part[]
}

export interface Selection {
  readonly folder: string
  /** A glob on the file's name. */
  readonly pattern: string
  /** Absolute paths that are left out. */
  readonly skip: readonly string[]
}

/** Names and digests of a part are one result, which may have 1 MiB. */
const PART_BYTES = 2 ** 19
const DIGEST_BYTES = 128

/** The path of a file in bytes, which is what the file system goes by. */
export function pathOf(folder: string, name: Name): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), bytesOf(name)])
}

export function bytesOf({ path, base64 }: Name): Buffer {
  return base64 === undefined ? Buffer.from(path) : Buffer.from(base64, 'base64')
}

/**
 * Every regular file below a folder, by package: the nearest folder above with a package.json, else the folder
 * itself. Links are not followed. A folder that cannot be read is listed like a file, and so fails as one.
 */
export async function listFiles({ folder, pattern, skip }: Selection): Promise<Listing> {
  const packages = new Map<string, Name[]>()
  const skipped = new Set(skip)
  const folders = [{ path: Buffer.alloc(0), owner: '' }]
  for (const { path, owner } of folders) {
    const entries = await readdir(pathOf(folder, nameOf(path)), {
      withFileTypes: true,
      encoding: 'buffer',
    }).catch((error: unknown) => {
      if (path.length === 0) throw error
      add(packages, owner, { ...nameOf(path), folder: true })
      return []
    })
    const isPackage = entries.some((entry) => String(entry.name) === 'package.json' && !entry.isDirectory())
    const here = isPackage ? path.toString('latin1') : owner
    for (const entry of entries) {
      const below = path.length === 0 ? entry.name : Buffer.concat([path, Buffer.from('/'), entry.name])
      if (entry.isDirectory()) folders.push({ path: below, owner: here })
      else if (
        entry.isFile() &&
        matches(String(entry.name), pattern) &&
        !skipped.has(`${folder}/${String(below)}`)
      ) {
        add(packages, here, nameOf(below))
      }
    }
  }
  const parts = [...packages].flatMap(([owner, files]) => split(nameOf(Buffer.from(owner, 'latin1')), files))
  const names = parts.flatMap((part) => part.files)
  const closed = names.filter((name) => name.folder).length
  const newlines = names.filter(({ path }) => path.includes('\n')).length
  return { files: names.length - closed, folders: closed, newlines, packages: packages.size, parts }
}

function add(packages: Map<string, Name[]>, owner: string, name: Name): void {
  const names = packages.get(owner)
  if (names === undefined) packages.set(owner, [name])
  else names.push(name)
}

function nameOf(bytes: Buffer): Name {
  const path = bytes.toString()
  return isUtf8(bytes) ? { path } : { path, base64: bytes.toString('base64') }
}

/** As `find -name` has it: a leading dot is a character like any other. */
function matches(name: string, pattern: string): boolean {
  return (
    pattern === '*' ||
    matchesGlob(name, pattern) ||
    (name.startsWith('.') && matchesGlob(`_${name}`, pattern))
  )
}

function split(owner: Name, names: readonly Name[]): Part[] {
  const parts: Name[][] = []
  let bytes = PART_BYTES
  for (const name of names.toSorted((a, b) => bytesOf(a).compare(bytesOf(b)))) {
    const size = Buffer.byteLength(JSON.stringify(name)) + DIGEST_BYTES
    bytes += size
    if (bytes > PART_BYTES) {
      parts.push([])
      bytes = size
    }
    parts.at(-1)!.push(name)
  }
  return parts.map((part) => ({ owner, files: part }))
}
