/** Millrace finds its threads beside its modules: it stays out of the bundle. */
const config = {
  serverExternalPackages: [
    'millrace',
    '@millrace/core',
    '@millrace/sqlite',
    '@millrace/postgres',
    '@millrace/redis',
    '@millrace/server',
  ],
  // for `output: 'standalone'`
  outputFileTracingIncludes: { '/*': ['./node_modules/@millrace/*/dist/**/*.js'] },
}

export default config
