/**
 * As whom the operations of an SQPOLL ring run. The kernel's thread acts with the identity that the process had when the
 * ring was made; after setuid and its kin every operation names the new one.
 */
import { IORING_OP_FIXED_FD_INSTALL, IORING_OP_MSG_RING } from '../../syscalls/constants/opcodes.ts';
import type { Sqe } from '../sqe.ts';
import type { IoUringState } from '../state.ts';

export class Identity {
  readonly #ring: IoUringState;
  #current: string = currentIdentity();
  /** What `registerPersonality` gave for each identity that the process had; 0 for that of the ring itself. */
  readonly #known = new Map([[this.#current, 0]]);
  readonly #ours = new Set<number>();
  #personality = 0;
  /** The words that hold the personality of each entry which the kernel has not seen yet. */
  #staged: number[] = [];
  #words: Int32Array = NONE;

  constructor(ring: IoUringState) {
    this.#ring = ring;
  }

  /** An entry is complete. */
  stage({ words, at }: Sqe): void {
    // These refuse to have one, and need none.
    if (REFUSING.includes(words[at] & 0xff)) return;
    this.#words = words;
    this.#staged.push(at + PERSONALITY_WORD);
    this.#name(at + PERSONALITY_WORD);
  }

  /**
   * Before the kernel sees the entries: what was staged before a change runs as whoever the process is now, too.
   * @throws UringError when the identity cannot be registered: then nothing may be submitted.
   */
  publish(): void {
    const now = currentIdentity();
    if (now !== this.#current) {
      this.#personality = this.#personalityOf(now);
      this.#current = now;
      for (const word of this.#staged) this.#name(word);
    }
    this.#staged.length = 0;
  }

  #personalityOf(identity: string): number {
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    // Those of before stay registered: the thread may not have come to the entries yet that name them.
    const personality = this.#ring.registerPersonality();
    this.#known.set(identity, personality);
    this.#ours.add(personality);
    return personality;
  }

  #name(word: number): void {
    // One that the caller chose stays.
    const named = this.#words[word] >>> PERSONALITY_SHIFT;
    if (named === 0 || this.#ours.has(named))
      this.#words[word] = (this.#words[word] & 0xffff) | (this.#personality << PERSONALITY_SHIFT);
  }
}

/** What the kernel looks at for files: the saved and the real IDs matter to it for signals only. */
function currentIdentity(): string {
  return `${process.geteuid?.()} ${process.getegid?.()} ${process.getgroups?.()}`;
}

/** `personality` is the upper half of this word of an entry. */
const PERSONALITY_WORD = 10;
const PERSONALITY_SHIFT = 16;
const REFUSING: readonly number[] = [IORING_OP_MSG_RING, IORING_OP_FIXED_FD_INSTALL];
const NONE = new Int32Array(0);
