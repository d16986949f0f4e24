/**
 * Operations on memory of the caller's that wait in the submission queue. Until the kernel has looked at an entry, the memory that it
 * names can still be transferred away, and be somebody else's by then: such an entry must not be sent.
 */
import { IORING_OP_READ } from '../../syscalls/constants/opcodes.ts';
import { IOSQE_IO_DRAIN, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../../syscalls/constants/sqe.ts';
import type { Sqe } from '../sqe.ts';
import type { Slot } from './slot.ts';

export class Unsent {
  readonly #slots: Slot[] = [];
  #words: Int32Array | null = null;
  /** Entries that were staged so far: with the slot, the number of its own. */
  #staged = 0;

  /** An entry was staged. `slot`: whose it is, when it names memory of the caller's. */
  add(sqe: Sqe, slot: Slot | null): void {
    const entry = this.#staged++;
    if (slot === null) return;
    slot.at = sqe.at;
    slot.entry = entry;
    this.#words = sqe.words;
    this.#slots.push(slot);
  }

  /** Before a submission: entries whose memory is gone become such as fail. */
  check(): void {
    const slots = this.#slots;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      if (slot.view?.byteLength === 0 || slot.vectors?.detached) this.#spoil(slot);
    }
  }

  /** After it: `left` entries were not taken. */
  sent(left: number): void {
    const slots = this.#slots;
    if (left === 0) {
      slots.length = 0;
      return;
    }
    const first = this.#staged - left;
    let kept = 0;
    for (const slot of slots) if (slot.entry >= first) slots[kept++] = slot;
    slots.length = kept;
  }

  /** Makes it a read of no file: -EBADF, which breaks its chain as well. Links and user data stay. */
  #spoil(slot: Slot): void {
    const words = this.#words!;
    const { at } = slot;
    slot.gone = true;
    const flags = (words[at] >>> 8) & (IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_IO_DRAIN);
    words[at] = IORING_OP_READ | (flags << 8);
    words[at + 1] = -1;
    words.fill(0, at + 2, at + 8);
    words.fill(0, at + 10, at + 16);
  }
}
