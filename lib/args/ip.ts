/**
 * IPv6 addresses between text and their 16 bytes.
 */
import { isIPv6 } from 'node:net';

/** The 16 bytes of an IPv6 address in any of its spellings, or undefined. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (!isIPv6(text)) return undefined;
  const [left, right] = withoutDots(text).split('::');
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Uint8Array.from(all.flatMap((group) => [group >>> 8, group & 0xff]));
}

/** The canonical text of an IPv6 address (RFC 5952): lower case, the first longest run of zero groups as `::`. */
export function formatIpv6(bytes: Uint8Array): string {
  const all = Array.from({ length: 8 }, (_, i) => (bytes[2 * i] << 8) | bytes[2 * i + 1]);
  const mapped = all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff;
  if (mapped) return `::ffff:${bytes.subarray(12, 16).join('.')}`;
  const { start, length } = longestZeros(all);
  const hex = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return hex(all);
  return `${hex(all.slice(0, start))}::${hex(all.slice(start + length))}`;
}

/** '::ffff:1.2.3.4' as '::ffff:102:304'. */
function withoutDots(text: string): string {
  return text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => ((Number(high) << 8) | Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function longestZeros(all: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < all.length; start++) {
    let length = 0;
    while (all[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  return best;
}
