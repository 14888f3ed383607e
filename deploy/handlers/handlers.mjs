// The tasks of the worker in compose.yaml: put yours in this place.
import { defineTask, unchecked } from 'millrace'

export const greet = defineTask('greet', { input: unchecked() }).handler(({ name }) => `Hello ${name}`)
