import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export type Compression = 'zstd' | 'gzip'

/** At the level that costs least: on a payload, the others save little more. */
export function compress(bytes: Uint8Array, by: Compression): Uint8Array {
  if (by === 'gzip') return gzipSync(bytes, { level: 1 })
  return zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
}

/**
 * @param bytesMax what comes out is at most so large
 * @throws whatever zlib says of what is broken, or larger
 */
export function decompress(bytes: Uint8Array, by: Compression, bytesMax: number): Uint8Array {
  const options = { maxOutputLength: bytesMax }
  return by === 'gzip' ? gunzipSync(bytes, options) : zstdDecompressSync(bytes, options)
}
