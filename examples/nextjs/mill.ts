/** One client for the process: Next.js loads a module anew for each bundle, and in development after each change. */
import { createMill, type Mill } from 'millrace'

const kept = globalThis as { mill?: Mill }

/** It opens the store with its first call, so `next build` opens none. Which one: MILLRACE_STORE, else a file. */
export const mill: Mill = (kept.mill ??= createMill())
