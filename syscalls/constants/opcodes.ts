// The operations a submission entry can ask for: `sqe.opcode`. Source: io_uring_enter(2).

/** Do nothing and complete; since 5.1. */
export const IORING_OP_NOP = 0;
/** preadv2(2) into an array of iovecs; since 5.1. */
export const IORING_OP_READV = 1;
/** pwritev2(2) from an array of iovecs; since 5.1. */
export const IORING_OP_WRITEV = 2;
/** fsync(2), or fdatasync(2) with `IORING_FSYNC_DATASYNC`; since 5.1. */
export const IORING_OP_FSYNC = 3;
/** Read into a registered buffer; since 5.1. */
export const IORING_OP_READ_FIXED = 4;
/** Write from a registered buffer; since 5.1. */
export const IORING_OP_WRITE_FIXED = 5;
/** Complete when the descriptor is ready for the asked events; since 5.1. */
export const IORING_OP_POLL_ADD = 6;
/** Remove a pending poll, or update it since 5.13; since 5.1. */
export const IORING_OP_POLL_REMOVE = 7;
/** sync_file_range(2); since 5.2. */
export const IORING_OP_SYNC_FILE_RANGE = 8;
/** sendmsg(2); since 5.3. */
export const IORING_OP_SENDMSG = 9;
/** recvmsg(2); since 5.3. */
export const IORING_OP_RECVMSG = 10;
/** Complete after a time or after a number of completions; since 5.4. */
export const IORING_OP_TIMEOUT = 11;
/** Remove a pending timeout, or update it since 5.11; since 5.5. */
export const IORING_OP_TIMEOUT_REMOVE = 12;
/** accept4(2); since 5.5. */
export const IORING_OP_ACCEPT = 13;
/** Cancel requests in flight; since 5.5. */
export const IORING_OP_ASYNC_CANCEL = 14;
/** A time limit for the request this one is linked behind; since 5.5. */
export const IORING_OP_LINK_TIMEOUT = 15;
/** connect(2); since 5.5. */
export const IORING_OP_CONNECT = 16;
/** fallocate(2); since 5.6. */
export const IORING_OP_FALLOCATE = 17;
/** openat(2); since 5.6. */
export const IORING_OP_OPENAT = 18;
/** close(2) of a descriptor, or of a fixed file slot since 5.15; since 5.6. */
export const IORING_OP_CLOSE = 19;
/** `IORING_REGISTER_FILES_UPDATE` as a request; since 5.6. */
export const IORING_OP_FILES_UPDATE = 20;
/** statx(2); since 5.6. */
export const IORING_OP_STATX = 21;
/** pread(2) into one buffer; since 5.6. */
export const IORING_OP_READ = 22;
/** pwrite(2) from one buffer; since 5.6. */
export const IORING_OP_WRITE = 23;
/** posix_fadvise(2); since 5.6. */
export const IORING_OP_FADVISE = 24;
/** madvise(2); since 5.6. */
export const IORING_OP_MADVISE = 25;
/** send(2), or sendto(2) since 6.0; since 5.6. */
export const IORING_OP_SEND = 26;
/** recv(2); since 5.6. */
export const IORING_OP_RECV = 27;
/** openat2(2); since 5.6. */
export const IORING_OP_OPENAT2 = 28;
/** epoll_ctl(2); since 5.6. */
export const IORING_OP_EPOLL_CTL = 29;
/** splice(2); since 5.7. */
export const IORING_OP_SPLICE = 30;
/** Give the kernel buffers to pick from, the older way (see buffer rings); since 5.7. */
export const IORING_OP_PROVIDE_BUFFERS = 31;
/** Take back buffers given with `IORING_OP_PROVIDE_BUFFERS`; since 5.7. */
export const IORING_OP_REMOVE_BUFFERS = 32;
/** tee(2); since 5.8. */
export const IORING_OP_TEE = 33;
/** shutdown(2); since 5.11. */
export const IORING_OP_SHUTDOWN = 34;
/** renameat2(2); since 5.11. */
export const IORING_OP_RENAMEAT = 35;
/** unlinkat(2); since 5.11. */
export const IORING_OP_UNLINKAT = 36;
/** mkdirat(2); since 5.15. */
export const IORING_OP_MKDIRAT = 37;
/** symlinkat(2); since 5.15. */
export const IORING_OP_SYMLINKAT = 38;
/** linkat(2); since 5.15. */
export const IORING_OP_LINKAT = 39;
/** Post a completion to another ring, or send it a fixed file; since 5.18. */
export const IORING_OP_MSG_RING = 40;
/** fsetxattr(2); since 5.19. */
export const IORING_OP_FSETXATTR = 41;
/** setxattr(2); since 5.19. */
export const IORING_OP_SETXATTR = 42;
/** fgetxattr(2); since 5.19. */
export const IORING_OP_FGETXATTR = 43;
/** getxattr(2); since 5.19. */
export const IORING_OP_GETXATTR = 44;
/** socket(2); since 5.19. */
export const IORING_OP_SOCKET = 45;
/** A command private to the file's driver (NVMe, block devices, sockets); since 5.19. */
export const IORING_OP_URING_CMD = 46;
/** send(2) without copying the data; a second completion says when the buffer is free; since 6.0. */
export const IORING_OP_SEND_ZC = 47;
/** sendmsg(2) without copying the data; since 6.1. */
export const IORING_OP_SENDMSG_ZC = 48;
/** Read again and again into provided buffers; since 6.7. */
export const IORING_OP_READ_MULTISHOT = 49;
/** waitid(2); since 6.7. */
export const IORING_OP_WAITID = 50;
/** Wait on a futex; since 6.7. */
export const IORING_OP_FUTEX_WAIT = 51;
/** Wake waiters of a futex; since 6.7. */
export const IORING_OP_FUTEX_WAKE = 52;
/** Wait on several futexes at once; since 6.7. */
export const IORING_OP_FUTEX_WAITV = 53;
/** Turn a fixed file into an ordinary descriptor; since 6.8. */
export const IORING_OP_FIXED_FD_INSTALL = 54;
/** ftruncate(2); since 6.9. */
export const IORING_OP_FTRUNCATE = 55;
/** bind(2); since 6.11. */
export const IORING_OP_BIND = 56;
/** listen(2); since 6.11. */
export const IORING_OP_LISTEN = 57;
/** Receive into memory the network card writes itself; since 6.15. */
export const IORING_OP_RECV_ZC = 58;
/** epoll_wait(2) that does not block; since 6.15. */
export const IORING_OP_EPOLL_WAIT = 59;
/** Vectored read into parts of a registered buffer; since 6.15. */
export const IORING_OP_READV_FIXED = 60;
/** Vectored write from parts of a registered buffer; since 6.15. */
export const IORING_OP_WRITEV_FIXED = 61;
/** pipe2(2); since 6.16. */
export const IORING_OP_PIPE = 62;
/** NOP in a 128-byte entry, for rings with `IORING_SETUP_SQE_MIXED`; since 6.19. */
export const IORING_OP_NOP128 = 63;
/** URING_CMD in a 128-byte entry, for rings with `IORING_SETUP_SQE_MIXED`; since 6.19. */
export const IORING_OP_URING_CMD128 = 64;
/** Number of operations these headers know (7.1); not itself one. */
export const IORING_OP_LAST = 65;
