/**
 * What one operation points at, kept reachable until its completion. Holds are used again and again: an operation that
 * names buffers allocates nothing.
 */

/** The things of one operation. Few operations name more than three. */
export class Hold {
  /** How many things are held. */
  count = 0;
  /** Of the first one with its user data: how many operations with it are not over. */
  operations = 0;
  /** The next in whatever list it stands. */
  next: Hold | null = null;
  #first: unknown = null;
  #second: unknown = null;
  #third: unknown = null;
  #others: unknown[] | null = null;

  add(thing: unknown): void {
    const count = this.count++;
    if (count === 0) this.#first = thing;
    else if (count === 1) this.#second = thing;
    else if (count === 2) this.#third = thing;
    else if (this.#others === null) this.#others = [thing];
    else this.#others.push(thing);
  }

  /** What was added first; null when nothing was. */
  get first(): unknown {
    return this.#first;
  }

  /** All that is held, in the order of adding. */
  list(): unknown[] {
    const all = [this.#first, this.#second, this.#third, ...(this.#others ?? [])];
    return all.slice(0, this.count);
  }

  /** Lets go of everything. */
  clear(): void {
    this.count = 0;
    this.operations = 0;
    this.#first = null;
    this.#second = null;
    this.#third = null;
    this.#others = null;
  }
}

/** An empty Hold: one that was given back, or a new one. */
export function takeHold(): Hold {
  const hold = free;
  if (hold === null) return new Hold();
  free = hold.next;
  hold.next = null;
  return hold;
}

/** Lets go of what it holds and keeps it for the next `takeHold`. */
export function giveHold(hold: Hold): void {
  hold.clear();
  hold.next = free;
  free = hold;
}

/** Those that were given back, of all rings of this thread: never more than were once in use together. */
let free: Hold | null = null;
