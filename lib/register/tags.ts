/**
 * Tags of registered files and buffers: the user data of the CQE that comes when the kernel has let one go.
 */
import { invalidType, invalidValue, outOfRange } from '../../syscalls/invalid.ts';
import { uint64 } from '../ops/check.ts';
import type { U64 } from '../sqe.ts';

/** One for each file or buffer, 0 for none. */
export type Tags = readonly U64[] | BigUint64Array;

/** A copy for the kernel of `tags`, one for each of `slots`; a slot that stays empty can have none. */
export function checkTags<T>(
  tags: Tags,
  slots: readonly T[] | Int32Array,
  isEmpty: (slot: T | number) => boolean,
): BigUint64Array<ArrayBuffer> {
  if (!(tags instanceof BigUint64Array || Array.isArray(tags)))
    throw invalidType('tags', 'an instance of BigUint64Array or Array', tags);
  if (tags.length !== slots.length) throw outOfRange('tags.length', `${slots.length}`, tags.length);
  const copy = BigUint64Array.from(tags as readonly U64[], (tag) => BigInt(uint64('tags', tag)));
  copy.forEach((tag, i) => {
    if (tag !== 0n && isEmpty(slots[i]))
      throw invalidValue(`tags[${i}]`, tag, 'must be 0: there is nothing in its slot that could be let go');
  });
  return copy;
}
