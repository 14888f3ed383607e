/** Next.js calls `register` once when a server starts: here the worker lives in the same process as the routes. */

export async function register(): Promise<void> {
  if (process.env['NEXT_RUNTIME'] !== 'nodejs') return
  const { startWorker } = await import('./worker.ts')
  await startWorker()
}
