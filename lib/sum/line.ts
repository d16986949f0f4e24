/**
 * A line of sha256sum's output.
 */

/**
 * `<digest>  <name>` and a newline, in bytes: names are bytes and need not be UTF-8. A name with a backslash, newline
 * or carriage return has them written as `\\`, `\n` and `\r`, and the line begins with a backslash to say so.
 */
export function lineOf(digest: string, name: Uint8Array): Buffer {
  const odd = name.some((byte) => ESCAPES.has(byte));
  if (!odd) return Buffer.concat([Buffer.from(`${digest}  `), name, NEWLINE]);
  const escaped = Array.from(name, (byte) => ESCAPES.get(byte) ?? Buffer.of(byte));
  return Buffer.concat([Buffer.from(`\\${digest}  `), ...escaped, NEWLINE]);
}

const NEWLINE = Buffer.from('\n');
const ESCAPES: ReadonlyMap<number, Buffer> = new Map([
  [0x5c, Buffer.from('\\\\')],
  [0x0a, Buffer.from('\\n')],
  [0x0d, Buffer.from('\\r')],
]);
