/**
 * FileHandle: Node's, whose reads and writes go through the ring.
 *
 * A call whose arguments need interpretation, or are wrong, is Node's altogether: so are its errors. Streams, lines, stat and
 * all else that is not here are inherited, and read and write by what is here.
 */
import { isView } from '../../syscalls/is-view.ts';
import type { Engine } from '../engine/engine.ts';
import { launch } from '../engine/launch.ts';
import { nothing } from '../engine/settle.ts';
import { close } from '../ops/openclose.ts';
import { plainOptions, plainPosition } from './arguments.ts';
import { fsEngine } from './backend.ts';
import type { FileHandle } from './node.ts';
import { type NodeHandles, nodeHandles } from './node-handle.ts';
import { readOpenFile } from './read-open-file.ts';
import {
  bufferEngine,
  type Counter,
  countedTransfer,
  reading,
  readingAll,
  writing,
  writingAll,
} from './transfer.ts';
import { type Writable, writableBytes, writeOpenFile } from './write-open-file.ts';

/** Makes FileHandles. */
export interface FileHandles {
  /** Of a descriptor that is open, and the handle's from now on. Null where only Node may make handles. */
  readonly make: ((fd: number) => FileHandle) | null;
  /** As `make`, but Node's in all that it does. */
  readonly makeNodes: (fd: number) => FileHandle;
  /** The handle that Node has made, but reading and writing by the ring. */
  readonly convert: (handle: FileHandle) => FileHandle;
  /** Whether it is one of `make` or `convert`. */
  readonly isOurs: (handle: FileHandle) => boolean;
  /** Whether it is a FileHandle, Node's or ours. */
  readonly isHandle: (value: unknown) => value is FileHandle;
}

/** Null when they can only be Node's. */
export function fileHandles(): Promise<FileHandles | null> {
  made ??= nodeHandles().then((handles) => (handles === null ? null : handlesOf(handles)));
  return made;
}

let made: Promise<FileHandles | null> | undefined;

function handlesOf(handles: NodeHandles): FileHandles {
  const { FileHandle: Base, Native, native } = handles;
  const UringFileHandle = derive(handles);
  const closeByRing = (handle: FileHandle): FileHandle => {
    const owner = (handle as Hidden)[native];
    const { close: closeByNode } = owner;
    // On the object itself: what counts the operations in flight calls it when the last one is over.
    owner.close = (): Promise<void> => {
      const engine = fsEngine();
      if (engine === null) return closeByNode.call(owner);
      const { fd } = owner;
      owner.releaseFD();
      return launch(engine, { name: 'close', encode: (sqe) => close(sqe, fd), finish: nothing });
    };
    return handle;
  };
  return {
    make: Native === null ? null : (fd) => closeByRing(new UringFileHandle(new Native(fd))),
    makeNodes: (fd) => new Base(new Native!(fd)),
    convert: (handle) => closeByRing(Object.setPrototypeOf(handle, UringFileHandle.prototype)),
    isOurs: (handle) => handle instanceof UringFileHandle,
    isHandle: (value): value is FileHandle => value instanceof Base,
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what Node does not show has no types.
type Hidden = any;

function derive({ FileHandle: Base, ref, unref }: NodeHandles): new (native: object) => FileHandle {
  /** Counts the operations in flight, for which close waits. */
  const counterOf = (handle: Hidden): Counter => ({
    ref: () => handle[ref](),
    unref: () => handle[unref](),
  });
  const during = async <T>(handle: FileHandle, operation: Promise<T>): Promise<T> => {
    const counter = counterOf(handle);
    counter.ref();
    try {
      return await operation;
    } finally {
      counter.unref();
    }
  };
  /** The engine, when the handle is open and `plain`. */
  const engineFor = (handle: FileHandle, plain: boolean): Engine | null =>
    plain && handle.fd >= 0 ? bufferEngine() : null;

  return class FileHandle extends Base {
    // biome-ignore lint/suspicious/noExplicitAny: as many overloads as Node has.
    override read(...args: any): Promise<any> {
      const part = plainPart(args, true);
      const engine = engineFor(this, part !== null);
      if (part === null || engine === null) return super.read(...(args as [never]));
      const { buffer, view, length, position } = part;
      return countedTransfer(
        engine,
        reading(this.fd, view, length, position),
        counterOf(this),
        (bytesRead) => ({ __proto__: null, bytesRead, buffer }),
      );
    }

    // biome-ignore lint/suspicious/noExplicitAny: as many overloads as Node has.
    override write(...args: any): Promise<any> {
      const part = typeof args[0] === 'string' ? plainText(args) : plainPart(args, false);
      const engine = engineFor(this, part !== null);
      if (part === null || engine === null) return super.write(...(args as [never]));
      const { buffer, view, length, position } = part;
      return countedTransfer(
        engine,
        writing(this.fd, view, length, position),
        counterOf(this),
        (bytesWritten) => ({ __proto__: null, bytesWritten, buffer }),
      );
    }

    // biome-ignore lint/suspicious/noExplicitAny: generic over the buffers.
    override readv(...args: any): Promise<any> {
      const [buffers, given] = args;
      const position = plainPosition(given);
      const engine = engineFor(this, arePlain(buffers) && position !== undefined);
      if (engine === null || position === undefined) return super.readv(...(args as [never]));
      return countedTransfer(
        engine,
        readingAll(this.fd, buffers, position),
        counterOf(this),
        (bytesRead) => ({ __proto__: null, bytesRead, buffers }),
      );
    }

    // biome-ignore lint/suspicious/noExplicitAny: generic over the buffers.
    override writev(...args: any): Promise<any> {
      const [buffers, given] = args;
      const position = plainPosition(given);
      const engine = engineFor(this, arePlain(buffers) && position !== undefined);
      if (engine === null || position === undefined) return super.writev(...(args as [never]));
      return countedTransfer(
        engine,
        writingAll(this.fd, buffers, position),
        counterOf(this),
        (bytesWritten) => ({ __proto__: null, bytesWritten, buffers }),
      );
    }

    // biome-ignore lint/suspicious/noExplicitAny: its result depends on the encoding.
    override readFile(...args: any): Promise<any> {
      const options = plainOptions(args[0], READING);
      const engine = engineFor(this, options !== null);
      if (options === null || engine === null) return super.readFile(...(args as []));
      return during(this, readOpenFile(engine, this.fd, options));
    }

    // biome-ignore lint/suspicious/noExplicitAny: as many kinds of data as Node takes.
    override writeFile(...args: any): Promise<void> {
      const options = plainOptions(args[1], WRITING);
      const bytes = options === null ? null : writableBytes(args[0], options.encoding);
      const engine = engineFor(this, bytes !== null);
      if (options === null || bytes === null || engine === null) return super.writeFile(...(args as [never]));
      return during(this, writeOpenFile(engine, this.fd, bytes, options.signal));
    }

    // biome-ignore lint/suspicious/noExplicitAny: as many kinds of data as Node takes.
    override appendFile(...args: any): Promise<void> {
      // The same, for a file that is open already.
      return this.writeFile(...(args as [Writable]));
    }
  };
}

/** A part of a buffer, and where in the file. */
interface Part {
  /** What the caller gave, and gets back. */
  readonly buffer: unknown;
  readonly view: ArrayBufferView;
  readonly length: number;
  readonly position: number;
}

/** Of the arguments of `read` or `write`; null for what is not plainly one. */
function plainPart(args: readonly unknown[], reading: boolean): Part | null {
  let [buffer, offset, length, position] = args;
  if (reading && !isView(buffer)) {
    if (buffer !== undefined && (typeof buffer !== 'object' || buffer === null)) return null;
    if (args.length > 1) return null;
    ({ buffer = Buffer.alloc(DEFAULT_BYTES), offset, length, position } = (buffer ?? {}) as Options);
  } else if (typeof offset === 'object' && offset !== null) {
    ({ offset, length, position } = offset as Options);
  }
  if (!isView(buffer) || buffer.byteLength === 0) return null;
  const from = offset ?? 0;
  const bytes = length ?? buffer.byteLength - (from as number);
  const place = plainPosition(position);
  if (!isCount(from) || !isCount(bytes) || bytes === 0 || place === undefined) return null;
  if (from + bytes > buffer.byteLength) return null;
  const view = from === 0 ? buffer : new Uint8Array(buffer.buffer, buffer.byteOffset + from, bytes);
  return { buffer, view, length: bytes, position: place };
}

/** Of the arguments of `write` for a string. */
function plainText([text, position, encoding]: readonly unknown[]): Part | null {
  const place = plainPosition(position);
  if (place === undefined || (encoding !== undefined && encoding !== null && encoding !== 'utf8'))
    return null;
  const view = Buffer.from(text as string);
  if (view.byteLength === 0) return null;
  return { buffer: text, view, length: view.byteLength, position: place };
}

interface Options {
  readonly buffer?: unknown;
  readonly offset?: unknown;
  readonly length?: unknown;
  readonly position?: unknown;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value && value >= 0;
}

function arePlain(buffers: unknown): buffers is ArrayBufferView[] {
  return Array.isArray(buffers) && buffers.length > 0 && buffers.length <= IOV_MAX && buffers.every(isFilled);
}

function isFilled(buffer: unknown): boolean {
  return isView(buffer) && buffer.byteLength > 0;
}

const DEFAULT_BYTES = 16_384;
const IOV_MAX = 1024;
const READING: ReadonlySet<string> = new Set(['encoding', 'flag', 'signal']);
const WRITING: ReadonlySet<string> = new Set(['encoding', 'flag', 'mode', 'flush', 'signal']);
