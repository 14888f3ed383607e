/**
 * A JSON Schema without what only its worker judges: patterns, and whether elements are unique, which may be made so that
 * they take for ever, and formats, which mean something else in each library. What is left refuses nothing that the whole
 * would take. Keywords that are not known here are left out as well: a reference could lead to a schema in them.
 */

type Schema = boolean | { readonly [keyword: string]: unknown }

const LEFT_OUT: ReadonlySet<string> = new Set([
  'pattern',
  'patternProperties',
  'format',
  'uniqueItems',
  // these hold schemas in forms of older drafts
  'additionalItems',
  'dependencies',
])
/** With `patternProperties` it is meant of the others, and without all would be others. */
const BESIDE_PATTERNS: ReadonlySet<string> = new Set(['additionalProperties', 'unevaluatedProperties'])
/** Where something is taken because a schema refuses it: that must be the whole schema. */
const TURNED: ReadonlySet<string> = new Set(['not', 'oneOf', 'if', 'then', 'else', 'contains', 'maxContains'])
const MAPS: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions', 'dependentSchemas'])
const LISTS: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems'])
const SINGLE: ReadonlySet<string> = new Set([
  'items',
  'additionalProperties',
  'unevaluatedProperties',
  'unevaluatedItems',
  'propertyNames',
  'contains',
  'not',
  'if',
  'then',
  'else',
])
/** What refers to another schema may refer to one that was loosened. */
const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$dynamicRef', '$recursiveRef'])
/** What holds no schemas. Ids are not among them: who resolves them takes twice as long for each that stands in another. */
const PLAIN: ReadonlySet<string> = new Set([
  ...REFERENCES,
  '$anchor',
  '$dynamicAnchor',
  '$recursiveAnchor',
  'type',
  'const',
  'enum',
  'required',
  'dependentRequired',
  'minProperties',
  'maxProperties',
  'minItems',
  'maxItems',
  'minContains',
  'maxContains',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
])
const KNOWN: ReadonlySet<string> = new Set([...PLAIN, ...MAPS, ...LISTS, ...SINGLE])
const TYPES: ReadonlySet<unknown> = new Set([
  'null',
  'boolean',
  'object',
  'array',
  'number',
  'integer',
  'string',
])
const DEPTH_MAX = 64

/**
 * @param look called whenever a part of it is looked at, by whoever reads the keyword `format`, which is in none of them
 * @throws Error if it is nested too deeply, or is no schema
 */
export function loosened(schema: unknown, look: () => void = () => undefined): Schema {
  return new Loosening(look).of(schema, 0)
}

class Loosening {
  readonly #look: () => void
  /** How often something was left out, or may be by a reference. */
  #left = 0

  constructor(look: () => void) {
    this.#look = look
  }

  of(schema: unknown, depth: number): Schema {
    if (depth > DEPTH_MAX) throw new Error(`it is nested deeper than ${DEPTH_MAX}`)
    if (typeof schema === 'boolean') return schema
    if (!isObject(schema)) throw new Error('a part of it is no schema')
    const kept: Record<string, unknown> = {}
    const patterns = 'patternProperties' in schema
    for (const [keyword, value] of Object.entries(schema)) {
      const before = this.#left
      if (REFERENCES.has(keyword)) this.#left += 1
      if (LEFT_OUT.has(keyword) || (patterns && BESIDE_PATTERNS.has(keyword))) this.#left += 1
      else if (KNOWN.has(keyword)) {
        const part = this.#part(keyword, value, depth + 1)
        if (!TURNED.has(keyword) || this.#left === before) kept[keyword] = part
      }
    }
    // conditions stand and fall together
    if (!('if' in kept && (!('then' in schema) || 'then' in kept) && (!('else' in schema) || 'else' in kept)))
      for (const keyword of ['if', 'then', 'else']) delete kept[keyword]
    if (!('contains' in kept)) for (const keyword of ['minContains', 'maxContains']) delete kept[keyword]
    return Object.defineProperty(kept, 'format', { get: this.#look })
  }

  #part(keyword: string, value: unknown, depth: number): unknown {
    if (keyword === 'type') checkTypes(value)
    if (MAPS.has(keyword) && isObject(value))
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.of(one, depth)]))
    if (LISTS.has(keyword) && Array.isArray(value)) return value.map((one) => this.of(one, depth))
    // in drafts before 2020-12 items may be a list
    if (keyword === 'items' && Array.isArray(value)) return value.map((one) => this.of(one, depth))
    return SINGLE.has(keyword) ? this.of(value, depth) : value
  }
}

function checkTypes(given: unknown): void {
  const types: readonly unknown[] = Array.isArray(given) ? given : [given]
  const odd = types.find((type) => !TYPES.has(type))
  if (odd !== undefined) throw new Error(`there is no type ${JSON.stringify(odd)}`)
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
