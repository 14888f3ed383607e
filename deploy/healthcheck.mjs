// Whether the server of this container can be given calls: exit code 0, else 1. It asks where `millrace serve` listens by its variables.
import { request as plain } from 'node:http'
import { request as secure } from 'node:https'
import process from 'node:process'

const { MILLRACE_HTTP_PORT, MILLRACE_TLS_CERT_FILE } = process.env
const port = MILLRACE_HTTP_PORT || '7420'
// the certificate names the server as others reach it, and not this loopback
const asking =
  (MILLRACE_TLS_CERT_FILE ?? '') === ''
    ? plain(`http://127.0.0.1:${port}/readyz`)
    : secure(`https://127.0.0.1:${port}/readyz`, { rejectUnauthorized: false })

/** @param {string} reason */
function failed(reason) {
  console.error(reason)
  process.exitCode = 1
}

asking.setTimeout(4_000, () => asking.destroy(new Error('no answer in 4 s')))
asking.on('error', (error) => failed(error.message))
asking.on('response', (response) => {
  response.resume()
  if (response.statusCode !== 200) failed(`not ready: ${response.statusCode}`)
})
asking.end()
