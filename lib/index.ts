/**
 * tsuring: io_uring from TypeScript. The ring (`IoUringState`), its cursors, and one function per operation.
 */
export { UringError } from '../syscalls/error.ts';
export { allocatePages, type BufferSource, type Memory, SharedPages } from '../syscalls/memory.ts';
export {
  type ControlMessage,
  cmsgSpace,
  readControlMessages,
  writeControlMessages,
} from './args/cmsg.ts';
export { EpollEvents, epollEvent } from './args/epoll-events.ts';
export { type FutexWaiter, FutexWaiters } from './args/futex-waiters.ts';
export { Iovecs } from './args/iovecs.ts';
export { Msghdr, type MsghdrParts } from './args/msghdr.ts';
export { type OpenHow, openHow } from './args/open-how.ts';
export {
  type Credentials,
  readScmCredentials,
  readScmRights,
  scmCredentials,
  scmRights,
} from './args/scm.ts';
export { type ChildState, readSiginfo, SIGINFO_BYTES } from './args/siginfo.ts';
export {
  type InternetAddress,
  parseSockaddr,
  SOCKADDR_STORAGE_BYTES,
  type SocketAddress,
  sockaddr,
  type UnixAddress,
  writeSockaddr,
} from './args/sockaddr.ts';
export { SockaddrRoom } from './args/sockaddr-room.ts';
export { readStatx, STATX_BYTES, type Statx } from './args/statx.ts';
export { type Duration, readTimespec, timespec, writeTimespec } from './args/timespec.ts';
export { BufferRing } from './buffer-ring.ts';
export type { BufferPieces } from './buffer-ring-accounts.ts';
export type { BufferRingMemoryKind, BufferRingOptions } from './buffer-ring-options.ts';
export { Cqe } from './cqe.ts';
export type { CancelOptions } from './engine/cancellation.ts';
export type { Chain, ChainOptions } from './engine/chain.ts';
export type { ChainError } from './engine/chain-run.ts';
export type { CloseOptions } from './engine/close.ts';
export type { AcceptedFile, IntoOptions } from './engine/direct-operations.ts';
export type { OperationError } from './engine/errors.ts';
export type { EpollEvent, Futex, FutexOptions, TimeoutOptions } from './engine/event-operations.ts';
export type { BufferOptions, IoOptions } from './engine/file-operations.ts';
export { FixedFile } from './engine/fixed-file.ts';
export { IoUring } from './engine/io-uring.ts';
export { LentBuffer } from './engine/lending-pool.ts';
export { Messages, type RingMessage } from './engine/messages.ts';
export { Multishot, type MultishotOptions } from './engine/multishot.ts';
export type { OpenFlags } from './engine/open-flags.ts';
export type { File, FilePath, OperationOptions } from './engine/operations.ts';
export type { EngineOptions } from './engine/options.ts';
export type { PathOptions, StatxOptions, TwoPathsOptions } from './engine/path-operations.ts';
export type {
  Lending,
  LentMessage,
  Message,
  RecvmsgOptions,
  RecvOptions,
} from './engine/receive-operations.ts';
export type { Accepted, AcceptOptions, TransferOptions } from './engine/socket-operations.ts';
export type { EngineStats } from './engine/stats.ts';
export type { OperationTrace } from './engine/trace.ts';
export type { ZeroCopySent } from './engine/zero-copy.ts';
export type { WaitOptions } from './enter.ts';
export * from './ops/index.ts';
export type { IoUringOptions } from './options.ts';
export { type RecvmsgOut, type RecvmsgRooms, recvmsgValidate } from './recvmsg-out.ts';
export type { BpfFilter, BpfInstruction } from './register/bpf-filter.ts';
export type { BufRingReg } from './register/buffer-rings.ts';
export type { CloneRange } from './register/clones.ts';
export type { NapiOptions, NapiPolling, NapiQueue, NapiSettings, NapiTracking } from './register/napi.ts';
export { Probe } from './register/probe.ts';
export {
  type QueryAnswers,
  type QueryOpcodes,
  type QueryScq,
  type QueryZcrx,
  registerQuery,
} from './register/query.ts';
export type { Restriction } from './register/restrictions.ts';
export {
  getProbe,
  registerBpfFilterTask,
  registerRestrictionsTask,
  registerSyncMsg,
} from './register/ringless.ts';
export type { SyncCancel } from './register/sync-cancel.ts';
export type { Tags } from './register/tags.ts';
export type { WorkerLimits } from './register/workers.ts';
export type { Zcrx, ZcrxCtrl, ZcrxDmabuf, ZcrxImport, ZcrxQueue } from './register/zcrx.ts';
export type { RingCounts, RingMemoryInfo } from './ring-info.ts';
export type { MemoryKind } from './ring-memory.ts';
export type { SharedRing } from './share.ts';
export type { Pointer, Sqe, U64 } from './sqe.ts';
export { IoUringState } from './state.ts';
export type { WaitRegion } from './wait-region.ts';
