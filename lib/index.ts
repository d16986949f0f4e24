/**
 * tsuring: io_uring from TypeScript. The ring (`IoUringState`), its cursors, and one function per operation.
 */
export { UringError } from '../syscalls/error.ts';
export { allocatePages, type BufferSource, type Memory, SharedPages } from '../syscalls/memory.ts';
export {
  type InternetAddress,
  parseSockaddr,
  type SocketAddress,
  sockaddr,
  type UnixAddress,
  writeSockaddr,
} from './args/sockaddr.ts';
export { type Duration, readTimespec, timespec, writeTimespec } from './args/timespec.ts';
export type { Cqe } from './cqe.ts';
export type { WaitOptions } from './enter.ts';
export { iovecsOf } from './iovec.ts';
export * from './ops/index.ts';
export type { IoUringOptions } from './options.ts';
export type { RingCounts, RingMemoryInfo } from './ring-info.ts';
export type { MemoryKind } from './ring-memory.ts';
export type { Pointer, Sqe, U64 } from './sqe.ts';
export { IoUringState } from './state.ts';
