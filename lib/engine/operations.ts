/**
 * What all operations of the engine have in common: how a method asks for one.
 */
import { IOSQE_FIXED_FILE } from '../../syscalls/constants/sqe.ts';
import { invalidType } from '../../syscalls/invalid.ts';
import { isView } from '../../syscalls/is-view.ts';
import type { Sqe } from '../sqe.ts';
import type { CancelOptions } from './cancellation.ts';
import { FixedFile } from './fixed-file.ts';
import type { Finish } from './slot.ts';

/** Options of every operation. */
export interface OperationOptions extends CancelOptions {
  /** IOSQE_… flags beside those that the engine sets: IOSQE_ASYNC. Those that link, drain or skip are a chain's to set. */
  sqeFlags?: number | undefined;
  /** The I/O priority, as of ioprio_set(2), or flags of the operation's own. */
  ioprio?: number | undefined;
  /** Whose credentials the operation has: what `registerPersonality` gave. */
  personality?: number | undefined;
}

/** A file: a descriptor of the process, or a slot of the ring's registered files. */
export type File = number | FixedFile;

/** A path, as bytes when it is no text. */
export type FilePath = string | Uint8Array;

/** An operation to be started. */
export interface Request {
  /** For errors, and for those who trace. */
  readonly name: string;
  /** Writes the entry. May be called later, when there is room for it. */
  readonly encode: (sqe: Sqe) => void;
  /** What the promise gives. Default: the kernel's result, a number. */
  readonly finish?: Finish;
  /** A result that is no failure, though it looks like one: -errno. */
  readonly accepts?: number;
  /** The file that it is about: registered ones are flagged in the entry. */
  readonly file?: File;
  /** The slot that it fills. */
  readonly into?: FixedFile;
  /** The slot that it empties. */
  readonly closes?: FixedFile;
  readonly path?: FilePath;
  readonly dest?: FilePath;
  readonly options?: OperationOptions | undefined;
}

/** Has methods for operations, which come about in one way or another: alone, or as links of a chain. */
export abstract class Operations {
  /** Starts an operation, or has it started. Never throws: the promise is rejected. */
  protected abstract request<T>(request: Request): Promise<T>;
  /** The promise of an operation that cannot even be asked for. */
  protected abstract refuse<T>(error: unknown): Promise<T>;
}

/** The number of a file, for an entry's `fd`. */
export function numberOf(file: File): number {
  if (typeof file === 'number') return file;
  if (file instanceof FixedFile) return file.slot;
  throw invalidType('fd', 'of type number or an instance of FixedFile', file);
}

/** `buffer`, when it is a view: an operation of the engine takes no address, and no ArrayBuffer. @throws TypeError. */
export function viewOf(buffer: ArrayBufferView, name = 'buffer'): ArrayBufferView {
  if (!isView(buffer)) throw invalidType(name, 'an instance of Buffer, TypedArray or DataView', buffer);
  return buffer;
}

/** Sets in the entry what the request wants beside the operation itself. */
export function complete(sqe: Sqe, { file, options }: Request): void {
  if (typeof file === 'object') sqe.flags |= IOSQE_FIXED_FILE;
  if (options === undefined) return;
  const { sqeFlags, ioprio, personality } = options;
  if (sqeFlags !== undefined) sqe.flags |= sqeFlags;
  if (ioprio !== undefined) sqe.ioprio = ioprio;
  if (personality !== undefined) sqe.personality = personality;
}
