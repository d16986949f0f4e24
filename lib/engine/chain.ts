/**
 * Operations that are submitted together, each to begin when the one before it is done.
 */
import { invalidState } from '../../syscalls/invalid.ts';
import { Sqe } from '../sqe.ts';
import { type CancelOptions, checkCancelOptions } from './cancellation.ts';
import { DirectOperations } from './direct-operations.ts';
import type { FixedFile } from './fixed-file.ts';
import { holdFiles, letGoFiles, refuseClosed } from './named-files.ts';
import { complete, type Request } from './operations.ts';
import { nothing } from './settle.ts';

/** Options of a chain. */
export interface ChainOptions extends CancelOptions {
  /**
   * Whether a link that fails or does less than was asked leaves the others alone (IOSQE_IO_HARDLINK). Default false: what
   * follows is cancelled (IOSQE_IO_LINK); a read that is short counts as failed for that.
   */
  hard?: boolean;
  /** Whether it begins only when all that was submitted before is done (IOSQE_IO_DRAIN). Since Linux 6.1, else EOPNOTSUPP. */
  drain?: boolean;
}

/** One operation of a chain, encoded. */
export interface Link {
  readonly request: Request;
  readonly sqe: Sqe;
  readonly resolve: (value: unknown) => void;
}

/**
 * The operations of a chain: its methods are those of IoUring, and add a link each. Their promises settle when the chain
 * has come so far.
 */
export class Chain extends DirectOperations {
  readonly links: Link[] = [];
  /** What was wrong with a link's arguments: the chain is not begun. */
  mistake: unknown;
  #sealed = false;

  /** No more links. */
  seal(): void {
    this.#sealed = true;
  }

  /** It is over, or will not begin: the slots that its links name may be closed. */
  letGo(): void {
    for (const { request } of this.links) letGoFiles(request);
  }

  /** None of it is begun: its promises are rejected. */
  abandon(error: unknown): void {
    this.letGo();
    for (const { resolve } of this.links) resolve(Promise.reject(error));
  }

  /** What a link opens must be known to whoever builds the chain, who closes it whatever comes of the chain. */
  protected override reserve(): FixedFile {
    throw invalidState('In a chain the slot must be given: options.into, of ring.fixedFile()');
  }

  protected override refuse<T>(error: unknown): Promise<T> {
    this.mistake ??= error;
    const promise = Promise.reject(error);
    promise.catch(nothing);
    return promise;
  }

  protected override request<T>(request: Request): Promise<T> {
    if (this.#sealed)
      return Promise.reject(invalidState('The chain has been submitted: add its operations in the function'));
    const promise = new Promise<T>((resolve) => {
      const sqe = emptySqe();
      this.links.push({ request, sqe, resolve: resolve as (value: unknown) => void });
      holdFiles(request);
      try {
        if (request.options !== undefined) checkCancelOptions(request.options);
        refuseClosed(request);
        request.encode(sqe);
        complete(sqe, request);
      } catch (error) {
        this.mistake ??= error;
      }
    });
    // Of a chain that breaks it is enough to look at the whole.
    promise.catch(nothing);
    return promise;
  }
}

/** An entry in memory of its own, until there is room in the queue for all of the chain. */
function emptySqe(): Sqe {
  const used = unused.pop();
  if (used !== undefined) return used;
  const memory = new ArrayBuffer(64);
  const sqe = new Sqe();
  sqe.words = new Int32Array(memory);
  sqe.doubles = new Float64Array(memory);
  return sqe;
}

/** The entry was copied, or is void: another link may have it. */
export function giveSqe(sqe: Sqe): void {
  if (unused.length >= MOST_UNUSED) return;
  sqe.words.fill(0);
  unused.push(sqe);
}

/** Making one takes longer than all else that a link needs. */
const unused: Sqe[] = [];
const MOST_UNUSED = 1024;
