/**
 * One plain function for every operation of io_uring, and nothing else: each encodes one submission entry, the `sqe`
 * that `getSqe()` gave, from the arguments of liburing's function, in liburing's order and under its name in camelCase.
 *
 * - They set the whole entry but its user data: set `sqe.flags` (IOSQE_…), `sqe.ioprio`, `sqe.personality` and what
 *   else an operation takes after the call.
 * - A mistake in an argument throws a TypeError or RangeError and leaves the entry as it was.
 * - Memory is a `Pointer`: a buffer, checked to be long enough and held by the ring until the CQE is acknowledged, or an
 *   address, of which the caller takes care.
 * - `res` in their descriptions is the CQE's result: what the operation gives, or -errno.
 * - The io_uring_prep_… named there is liburing's function, and the manual page that has more: io_uring_prep_read(3).
 */
export { accept, acceptDirect, multishotAccept, multishotAcceptDirect } from './accept.ts';
export { fadvise, fadvise64, madvise, madvise64 } from './advise.ts';
export { provideBuffers, removeBuffers } from './buffers.ts';
export { cancel, cancel64, cancelFd } from './cancel.ts';
export { epollCtl, epollWait } from './epoll.ts';
export { filesUpdate } from './files-update.ts';
export {
  link,
  linkat,
  mkdir,
  mkdirat,
  rename,
  renameat,
  symlink,
  symlinkat,
  unlink,
  unlinkat,
} from './fs.ts';
export { futexWait, futexWaitv, futexWake } from './futex.ts';
export { msgRing, msgRingCqeFlags, msgRingFd, msgRingFdAlloc } from './msg-ring.ts';
export { nop, nop128 } from './nop.ts';
export {
  close,
  closeDirect,
  fixedFdInstall,
  open,
  openat,
  openat2,
  openat2Direct,
  openatDirect,
  openDirect,
} from './openclose.ts';
export type { Path } from './path.ts';
export { pipe, pipeDirect } from './pipe.ts';
export { pollAdd, pollMultishot, pollRemove, pollUpdate } from './poll.ts';
export { read, readFixed, readMultishot, readv, readv2, readvFixed } from './read.ts';
export { recv, recvMultishot, recvmsg, recvmsgMultishot, recvZc } from './recv.ts';
export {
  send,
  sendBundle,
  sendmsg,
  sendmsgZc,
  sendmsgZcFixed,
  sendSetAddr,
  sendto,
  sendZc,
  sendZcFixed,
} from './send.ts';
export { bind, connect, listen, shutdown, socket, socketDirect, socketDirectAlloc } from './socket.ts';
export { splice, tee } from './splice.ts';
export { statx } from './statx.ts';
export { fallocate, fsync, syncFileRange } from './sync.ts';
export { linkTimeout, timeout, timeoutRemove, timeoutUpdate } from './timeout.ts';
export { ftruncate } from './truncate.ts';
export { cmdDiscard, cmdGetsockname, cmdSock, cmdZoneResetAll, uringCmd, uringCmd128 } from './uring-cmd.ts';
export { waitid } from './waitid.ts';
export { write, writeFixed, writev, writev2, writevFixed } from './write.ts';
export { fgetxattr, fsetxattr, getxattr, setxattr } from './xattr.ts';
