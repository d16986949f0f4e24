/**
 * Where a field lies in its struct and how many bytes it has; `signed` where the C type is a signed integer. A size of
 * 0 is an array without a length of its own, at the struct's end or over it.
 */
export type Field =
  | readonly [offset: number, size: number]
  | readonly [offset: number, size: number, sign: 'signed'];

/** A C struct: its size in bytes, and its fields by name. Fields of an inner struct are `outer.inner`. */
export interface Layout {
  readonly size: number;
  readonly fields: Readonly<Record<string, Field>>;
}
