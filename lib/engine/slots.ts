/**
 * All slots of an engine: as many as were ever in use together.
 */
import { Slot } from './slot.ts';

export class Slots {
  readonly #all: Slot[] = [];
  #free: Slot | null = null;
  /** How many are in use. */
  used = 0;

  take(): Slot {
    this.used++;
    const slot = this.#free;
    if (slot === null) return this.#more();
    this.#free = slot.next;
    slot.next = null;
    slot.busy = true;
    return slot;
  }

  give(slot: Slot): void {
    slot.clear();
    slot.next = this.#free;
    this.#free = slot;
    this.used--;
  }

  /** The operation with this user data; null when it is over, or never was. */
  find(index: number, key: number): Slot | null {
    const slot = this.#all[index];
    return slot?.busy && slot.key === key ? slot : null;
  }

  /** Those in use. */
  *[Symbol.iterator](): Generator<Slot> {
    for (const slot of this.#all) if (slot.busy) yield slot;
  }

  #more(): Slot {
    const slot = new Slot(this.#all.length);
    slot.busy = true;
    this.#all.push(slot);
    return slot;
  }
}
