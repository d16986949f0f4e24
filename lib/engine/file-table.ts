/**
 * The registered files of an engine: a table whose slots are given out as handles.
 */
import { IORING_FEAT_REG_REG_RING } from '../../syscalls/constants/setup.ts';
import { EMFILE, ENFILE } from '../../syscalls/errno.ts';
import { UringError } from '../../syscalls/error.ts';
import { invalidState } from '../../syscalls/invalid.ts';
import { closeDirect } from '../ops/openclose.ts';
import type { IoUringState } from '../state.ts';
import { isSince518, needDirect } from './direct.ts';
import type { Engine } from './engine.ts';
import { FixedFile, type FixedFiles } from './fixed-file.ts';
import { launch } from './launch.ts';
import { nothing } from './settle.ts';

export class FileTable implements FixedFiles {
  readonly #engine: Engine;
  /** The ring, which knows of this table: not to be kept by it. */
  readonly #owner: WeakRef<object>;
  /** Slots that were given back. */
  readonly #free: number[] = [];
  /** The first slot that was never given out; those from `#end` on the kernel gives out. */
  #next = 0;
  #end = 0;
  #size = 0;
  /** Files in slots of the kernel's choice, and who waits for one to go. */
  #adopted = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(engine: Engine, owner: object) {
    this.#engine = engine;
    this.#owner = new WeakRef(owner);
    engine.atEnd.add(this.#wake);
  }

  /** An empty slot. @throws UringError ENFILE when none is left, EBADF when the ring is closed; what making the ring and the table throws. */
  reserve(): FixedFile {
    this.#prepare();
    const slot = this.#free.pop() ?? (this.#next < this.#end ? this.#next++ : -1);
    if (slot < 0)
      throw new UringError(ENFILE, 'io_uring_enter', `All ${this.#end} slots for fixed files are in use.`);
    return new FixedFile(this, slot, this.#owner.deref());
  }

  /** A slot with the file of a descriptor. @throws UringError EBADF, and as `reserve`. */
  register(fd: number): FixedFile {
    const file = this.reserve();
    try {
      this.#engine.ring.registerFilesUpdate(file.slot, [fd]);
      return file.fill();
    } catch (error) {
      file.close().catch(nothing);
      throw error;
    }
  }

  /** The file that the kernel has put into a slot of its choice. */
  adopt(slot: number): FixedFile {
    this.#adopted++;
    return new FixedFile(this, slot, this.#owner.deref()).fill();
  }

  /**
   * Whether the kernel can choose slots: among those that are not given out here. Makes the table.
   * @throws as `needDirect`.
   */
  canChoose(): boolean {
    needDirect(this.#engine.ring);
    this.#prepare();
    return this.#end < this.#size;
  }

  /** Whether the file is one of this table. */
  owns(file: FixedFile): boolean {
    return file.isOf(this);
  }

  async closeSlot(slot: number): Promise<void> {
    const engine = this.#engine;
    // The ring's end closes all of its files.
    if (engine.ended !== null) return;
    if (!isSince518(engine.ring)) {
      engine.ring.registerFilesUpdate(slot, [-1]);
      return;
    }
    try {
      await launch(engine, { name: 'close', encode: (sqe) => closeDirect(sqe, slot), finish: nothing });
    } catch (error) {
      // The ring was closed meanwhile, or the slot is empty by somebody else's doing.
      if (engine.ended === null && (error as NodeJS.ErrnoException).code !== 'EBADF') throw error;
    }
  }

  freeSlot(slot: number): void {
    if (slot < this.#end) this.#free.push(slot);
    else {
      this.#adopted--;
      this.#wake();
    }
  }

  /** Whether the kernel has a slot to choose; otherwise `again` is called when there is one. */
  hasChoice(again: () => void): boolean {
    if (this.#engine.ended !== null || this.#adopted < this.#size - this.#end) return true;
    this.#waiting.push(again);
    return false;
  }

  readonly #wake = (): void => {
    for (const again of this.#waiting.splice(0)) again();
  };

  #prepare(): void {
    const { ended } = this.#engine;
    if (ended !== null) throw ended();
    if (this.#size > 0) return;
    const { ring, slots, options } = this.#engine;
    // Before Linux 5.13 the kernel would wait here for all that is in flight.
    if (!isSince518(ring) && slots.used > 0)
      throw invalidState(
        'On Linux before 5.18 the first file is to be registered while nothing is in flight',
      );
    this.#size = registerTable(ring, options.fixedFiles);
    // For operations whose file the kernel places itself. Not before 6.0, and 6.3 is the first that can be told.
    const half = this.#size >>> 1;
    this.#end = this.#size;
    if ((ring.features & IORING_FEAT_REG_REG_RING) === 0 || half === 0) return;
    ring.registerFileAllocRange(half, this.#size - half);
    this.#end = half;
  }
}

/** A table of `count` empty slots, or of fewer where no process may have so many files. Gives their number. */
function registerTable(ring: IoUringState, count: number): number {
  for (let size = count; ; size >>>= 1)
    try {
      ring.registerFiles(new Int32Array(size).fill(-1));
      return size;
    } catch (error) {
      if (size === 1 || !(error instanceof UringError && error.errno === -EMFILE)) throw error;
    }
}
