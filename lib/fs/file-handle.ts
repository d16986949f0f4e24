/**
 * FileHandle: Node's, whose reads and writes go through the ring.
 *
 * A call whose arguments need interpretation, or are wrong, is Node's altogether: so are its errors. Streams, lines, stat and
 * all else that is not here are inherited, and read and write by what is here.
 */
import type { Engine } from '../engine/engine.ts';
import { inRootContext } from '../engine/root-context.ts';
import { isPlainMode, plainOptions, plainPosition, READING, WRITING } from './arguments.ts';
import { closeFd } from './close-fd.ts';
import { positionOf } from './file-position.ts';
import type { FileHandle } from './node.ts';
import { type NodeHandles, nodeHandles } from './node-handle.ts';
import { arePlain, plainReading, plainWriting } from './parts.ts';
import { readOpenFile } from './read-open-file.ts';
import { Traffic } from './traffic.ts';
import {
  bufferEngine,
  bytesOf,
  reading,
  readingAll,
  transfer,
  transferEngine,
  writing,
  writingAll,
} from './transfer.ts';
import { arePieces, writableBytes, writeOpenFile, writePieces } from './write-open-file.ts';

/** Makes FileHandles. */
export interface FileHandles {
  /** Of a descriptor that is open, and the handle's from now on. Null where only Node may make handles. */
  readonly make: ((fd: number) => FileHandle) | null;
  /** As `make`, but Node's in all that it does. */
  readonly makeNodes: (fd: number) => FileHandle;
  /** The handle that Node has made, but reading and writing by the ring. */
  readonly convert: (handle: FileHandle) => FileHandle;
}

/** Null when they can only be Node's: for good, or as long as no more descriptors can be had. */
export function fileHandles(): Promise<FileHandles | null> {
  made ??= inRootContext(() =>
    nodeHandles().then(
      (handles) => (handles === null ? null : handlesOf(handles)),
      () => {
        made = undefined;
        return null;
      },
    ),
  );
  return made;
}

/** Whether something is a FileHandle that reads and writes by the ring, and is open. */
export function isOpenHandle(value: unknown): value is FileHandle {
  return typeof value === 'object' && value !== null && ours.has(value) && (value as FileHandle).fd >= 0;
}

let made: Promise<FileHandles | null> | undefined;
const ours = new WeakSet<object>();

function handlesOf(handles: NodeHandles): FileHandles {
  const { FileHandle: Base, Native, native } = handles;
  const UringFileHandle = derive(handles);
  const closeByRing = (handle: FileHandle): FileHandle => {
    const owner = (handle as Hidden)[native];
    const { close: closeByNode } = owner;
    const close = (): Promise<void> => {
      // In a Worker that ends meanwhile nobody but Node would close it.
      const engine = bufferEngine();
      if (engine === null) return closeByNode.call(owner);
      const { fd } = owner;
      owner.releaseFD();
      return closeFd(engine, fd);
    };
    // On the object itself: what counts the operations in flight calls it when the last one is over. Nothing to be shown.
    Object.defineProperty(owner, 'close', { value: close, writable: true, configurable: true });
    ours.add(handle);
    return handle;
  };
  return {
    make: Native === null ? null : (fd) => closeByRing(new UringFileHandle(new Native(fd))),
    makeNodes: (fd) => new Base(new Native!(fd)),
    convert: (handle) => closeByRing(Object.setPrototypeOf(handle, UringFileHandle.prototype)),
  };
}

// biome-ignore lint/suspicious/noExplicitAny: what Node does not show has no types.
type Hidden = any;

function derive({ FileHandle: Base, ref, unref }: NodeHandles): new (native: object) => FileHandle {
  /** Of each handle, from its first operation on. */
  const known = new WeakMap<FileHandle, Traffic>();
  const trafficOf = (handle: FileHandle): Traffic => {
    let traffic = known.get(handle);
    if (traffic === undefined) {
      const counted = handle as Hidden;
      const { fd } = handle;
      const hasPosition = (): boolean => positionOf(fd) >= 0;
      traffic = new Traffic({ ref: () => counted[ref](), unref: () => counted[unref](), hasPosition });
      known.set(handle, traffic);
    }
    return traffic;
  };
  /**
   * What Node does at the file's own position waits for what the ring does there, and the other way round: the kernel's lock of
   * the position is Node's alone. Its result.
   */
  const byNode = <T>(handle: FileHandle, position: unknown, action: () => Promise<T>): Promise<T> => {
    if (!(handle?.fd >= 0) || (typeof position === 'number' && position >= 0)) return action();
    const traffic = trafficOf(handle);
    return during(
      traffic,
      () =>
        new Promise<T>((resolve) => {
          traffic.enter(() => resolve(action().finally(() => traffic.leave())));
        }),
    );
  };
  const during = async <T>(traffic: Traffic, operation: () => Promise<T>): Promise<T> => {
    traffic.ref();
    try {
      return await operation();
    } finally {
      traffic.unref();
    }
  };
  /** The engine, when the handle is open. */
  const engineOf = (handle: FileHandle): Engine | null => (handle?.fd >= 0 ? bufferEngine() : null);
  /** The engine that does it, when the arguments are plain and the handle is open. */
  const engineFor = (handle: FileHandle, length: number): Engine | null =>
    handle?.fd >= 0 ? transferEngine(length) : null;

  // The parameters are Node's, so that the functions have its `length`; what they can be is for Node to say.
  return class FileHandle extends Base {
    override read(buffer?: Hidden, offset?: Hidden, length?: Hidden, position?: Hidden): Promise<Hidden> {
      const part = plainReading(buffer, offset, length, position);
      const engine = part === null ? null : engineFor(this, part.length);
      if (engine === null || part === null)
        return byNode(this, position, () => super.read(buffer, offset, length, position));
      const operation = reading(this.fd, part.view, part.length, part.position);
      const result = (bytesRead: number) => ({ __proto__: null, bytesRead, buffer: part.buffer });
      return transfer(engine, trafficOf(this), operation, result);
    }

    override write(buffer: Hidden, offset?: Hidden, length?: Hidden, position?: Hidden): Promise<Hidden> {
      const part = plainWriting(buffer, offset, length, position);
      const engine = part === null ? null : engineFor(this, part.length);
      if (engine === null || part === null)
        return byNode(this, position, () => super.write(buffer, offset, length, position));
      const operation = writing(this.fd, part.view, part.length, part.position);
      const result = (bytesWritten: number) => ({ __proto__: null, bytesWritten, buffer });
      return transfer(engine, trafficOf(this), operation, result);
    }

    override readv(buffers: Hidden, position?: Hidden): Promise<Hidden> {
      const place = plainPosition(position);
      const plain = place !== undefined && arePlain(buffers);
      const engine = plain ? engineFor(this, bytesOf(buffers)) : null;
      if (engine === null || place === undefined)
        return byNode(this, position, () => super.readv(buffers as Hidden, position));
      const result = (bytesRead: number) => ({ __proto__: null, bytesRead, buffers });
      return transfer(engine, trafficOf(this), readingAll(this.fd, buffers, place), result);
    }

    override writev(buffers: Hidden, position?: Hidden): Promise<Hidden> {
      const place = plainPosition(position);
      const plain = place !== undefined && arePlain(buffers);
      const engine = plain ? engineFor(this, bytesOf(buffers)) : null;
      if (engine === null || place === undefined)
        return byNode(this, position, () => super.writev(buffers as Hidden, position));
      const result = (bytesWritten: number) => ({ __proto__: null, bytesWritten, buffers });
      return transfer(engine, trafficOf(this), writingAll(this.fd, buffers, place), result);
    }

    override readFile(options?: Hidden): Promise<Hidden> {
      const engine = engineOf(this);
      const plain = engine === null ? null : plainOptions(options, READING);
      if (engine === null || plain === null) return byNode(this, undefined, () => super.readFile(options));
      const traffic = trafficOf(this);
      return during(traffic, () => readOpenFile(engine, { fd: this.fd, traffic }, plain));
    }

    override writeFile(data: Hidden, options?: Hidden): Promise<void> {
      const engine = engineOf(this);
      const plain = engine === null ? null : plainOptions(options, WRITING);
      const bytes = plain === null ? null : writableBytes(data, plain.encoding);
      if (
        engine === null ||
        plain === null ||
        !isPlainMode(plain.mode) ||
        (bytes === null && !arePieces(data))
      ) {
        const write = () => super.writeFile(data, options);
        // What an iterable does before it ends nobody knows: it may read the same file.
        return arePieces(data) ? write() : byNode(this, undefined, write);
      }
      const traffic = trafficOf(this);
      const file = { fd: this.fd, traffic };
      if (bytes === null) return during(traffic, () => writePieces(engine, file, data, plain));
      return during(traffic, () => writeOpenFile(engine, file, bytes, bytes.byteLength, plain.signal));
    }

    override appendFile(data: Hidden, options?: Hidden): Promise<void> {
      // The same, for a file that is open already.
      return this.writeFile(data, options);
    }
  };
}
