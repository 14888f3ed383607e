/** Messages that are something else in plain objects. */

/** What stands for a value in a message of its own kind. */
export interface Shape {
  readonly toFields: (value: never) => object
  readonly fromFields: (fields: never) => unknown
}

export type Fields = Readonly<Record<string, unknown>>

/** A message that is there so that its only field may be absent. */
export function slot(name: string): Shape {
  return {
    toFields: (value: unknown) => ({ [name]: value }),
    fromFields: (fields: Fields) => fields[name] ?? null,
  }
}

/** A message of which a field holds all members but its own: in plain objects they are all in one. */
export function flattened(name: string, own: readonly string[]): Shape {
  return {
    toFields: (value: Fields) => {
      const inner: Record<string, unknown> = {}
      const outer: Record<string, unknown> = { [name]: inner }
      for (const [member, one] of Object.entries(value)) (own.includes(member) ? outer : inner)[member] = one
      return outer
    },
    fromFields: ({ [name]: inner, ...outer }: Fields) => ({ ...(inner as Fields), ...outer }),
  }
}

/** Texts that are `false` where they say `none`. */
export function falseAsNone(...names: readonly string[]): Shape {
  const swapped = (fields: Fields, from: unknown, to: unknown): Fields => {
    if (!names.some((name) => fields[name] === from)) return fields
    const changed: Record<string, unknown> = { ...fields }
    for (const name of names) if (changed[name] === from) changed[name] = to
    return changed
  }
  return {
    toFields: (value: Fields) => swapped(value, false, 'none'),
    fromFields: (fields: Fields) => swapped(fields, 'none', false),
  }
}
