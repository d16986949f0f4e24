/**
 * Whether a value is a view on a buffer: a typed array, a Buffer or a DataView.
 *
 * Not ArrayBuffer.isView alone: V8 13.6 (Node 24) compiles it to `false` where it has compiled `new DataView` into the
 * same function.
 */
export function isView(value: unknown): value is ArrayBufferView {
  return ArrayBuffer.isView(value) || value instanceof DataView;
}
