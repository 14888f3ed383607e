/**
 * A thread that runs sources strips their types by WebAssembly, unless a cache has them stripped. Hundreds of threads come
 * and go in these tests: with the cache they start three times as fast, and V8 is spared a race in freeing the
 * code, which ends the process now and then (nodejs/node#64500). What is published needs neither.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'

process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'millrace-compile-cache')
