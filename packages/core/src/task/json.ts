/** What may be a payload or a result, as types. They exist for the compiler only; at run time the codec checks. */

/**
 * Constrains the type of an input or output: JSON all the way down, or a Uint8Array as the whole. Anything
 * goes with `unknown`; what does not fit turns into a text that says where and why, and that no schema is
 * assignable to, so that the compiler shows it.
 *
 * @typeParam What `input` or `output`, for that text
 */
export type Carried<T, What extends string> = [T] extends [Whole<T>] ? unknown : Flaw<T, What>

type Whole<T> = T extends Uint8Array ? (Uint8Array<ArrayBuffer> extends T ? T : never) : Json<T>

/** `T` where JSON carries it unharmed; something that `T` is not assignable to where not. */
type Json<T> = T extends Scalar
  ? T
  : [Foreign<T>] extends [never]
    ? T extends readonly unknown[]
      ? readonly Json<T[number]>[]
      : T extends object
        ? { [K in keyof T]: K extends symbol ? T[K] : Json<T[K]> }
        : T
    : never

/** The whole of it may be `undefined`, and so may members, which are then left out. */
type Scalar = string | number | boolean | null | undefined

/** What a type is if JSON cannot carry it, in words; else never. */
type Foreign<T> = T extends bigint
  ? 'a bigint'
  : T extends symbol
    ? 'a symbol'
    : T extends Date
      ? 'a Date'
      : T extends ReadonlyMap<unknown, unknown>
        ? 'a Map'
        : T extends ReadonlySet<unknown>
          ? 'a Set'
          : T extends ArrayBufferLike | ArrayBufferView
            ? 'bytes'
            : T extends (...args: never) => unknown
              ? 'a function'
              : never

/** Where and why `T` is no JSON; some five levels deep, since types may go round in a circle. */
type Flaw<T, Path extends string> = T extends Scalar
  ? never
  : [Foreign<T>] extends [never]
    ? Path extends `${string}.${string}.${string}.${string}.${string}`
      ? [T] extends [Json<T>]
        ? never
        : `${Path} holds what ${Advice}`
      : T extends readonly unknown[]
        ? Flaw<T[number], `${Path}[]`>
        : { [K in Named<T>]-?: Flaw<T[K], `${Path}.${K}`> }[Named<T>]
    : `${Path} is ${Foreign<T>}, which ${Advice}`

type Named<T> = keyof T & (string | number)

type Advice = 'JSON cannot carry: use its JSON form and transform it, or give the task a codec'
