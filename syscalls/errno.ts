/**
 * The errnos of Linux (asm-generic, so x64 and arm64): names, numbers, and what libuv and glibc say of each. Node's own
 * tables lack ETIME, EBADFD and EBADR, among others.
 */

/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such process. */
export const ESRCH = 3;
/** Interrupted system call. */
export const EINTR = 4;
/** I/O error. */
export const EIO = 5;
/** No such device or address. */
export const ENXIO = 6;
/** Argument list too long. */
export const E2BIG = 7;
/** Exec format error. */
export const ENOEXEC = 8;
/** Bad file descriptor. */
export const EBADF = 9;
/** No child processes. */
export const ECHILD = 10;
/** Resource temporarily unavailable. */
export const EAGAIN = 11;
/** Not enough memory. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Bad address in system call argument. */
export const EFAULT = 14;
/** Block device required. */
export const ENOTBLK = 15;
/** Resource busy or locked. */
export const EBUSY = 16;
/** File already exists. */
export const EEXIST = 17;
/** Cross-device link not permitted. */
export const EXDEV = 18;
/** No such device. */
export const ENODEV = 19;
/** Not a directory. */
export const ENOTDIR = 20;
/** Illegal operation on a directory. */
export const EISDIR = 21;
/** Invalid argument. */
export const EINVAL = 22;
/** File table overflow. */
export const ENFILE = 23;
/** Too many open files. */
export const EMFILE = 24;
/** Inappropriate ioctl for device. */
export const ENOTTY = 25;
/** Text file is busy. */
export const ETXTBSY = 26;
/** File too large. */
export const EFBIG = 27;
/** No space left on device. */
export const ENOSPC = 28;
/** Invalid seek. */
export const ESPIPE = 29;
/** Read-only file system. */
export const EROFS = 30;
/** Too many links. */
export const EMLINK = 31;
/** Broken pipe. */
export const EPIPE = 32;
/** Numerical argument out of domain. */
export const EDOM = 33;
/** Result too large. */
export const ERANGE = 34;
/** Resource deadlock avoided. */
export const EDEADLK = 35;
/** Name too long. */
export const ENAMETOOLONG = 36;
/** No locks available. */
export const ENOLCK = 37;
/** Function not implemented. */
export const ENOSYS = 38;
/** Directory not empty. */
export const ENOTEMPTY = 39;
/** Too many symbolic links encountered. */
export const ELOOP = 40;
/** No message of desired type. */
export const ENOMSG = 42;
/** Identifier removed. */
export const EIDRM = 43;
/** Channel number out of range. */
export const ECHRNG = 44;
/** Level 2 not synchronized. */
export const EL2NSYNC = 45;
/** Level 3 halted. */
export const EL3HLT = 46;
/** Level 3 reset. */
export const EL3RST = 47;
/** Link number out of range. */
export const ELNRNG = 48;
/** Protocol driver not attached. */
export const EUNATCH = 49;
/** No CSI structure available. */
export const ENOCSI = 50;
/** Level 2 halted. */
export const EL2HLT = 51;
/** Invalid exchange. */
export const EBADE = 52;
/** Invalid request descriptor. */
export const EBADR = 53;
/** Exchange full. */
export const EXFULL = 54;
/** No anode. */
export const ENOANO = 55;
/** Invalid request code. */
export const EBADRQC = 56;
/** Invalid slot. */
export const EBADSLT = 57;
/** Bad font file format. */
export const EBFONT = 59;
/** Device not a stream. */
export const ENOSTR = 60;
/** No data available. */
export const ENODATA = 61;
/** Timer expired. */
export const ETIME = 62;
/** Out of streams resources. */
export const ENOSR = 63;
/** Machine is not on the network. */
export const ENONET = 64;
/** Package not installed. */
export const ENOPKG = 65;
/** Object is remote. */
export const EREMOTE = 66;
/** Link has been severed. */
export const ENOLINK = 67;
/** Advertise error. */
export const EADV = 68;
/** Srmount error. */
export const ESRMNT = 69;
/** Communication error on send. */
export const ECOMM = 70;
/** Protocol error. */
export const EPROTO = 71;
/** Multihop attempted. */
export const EMULTIHOP = 72;
/** RFS specific error. */
export const EDOTDOT = 73;
/** Bad message. */
export const EBADMSG = 74;
/** Value too large for defined data type. */
export const EOVERFLOW = 75;
/** Name not unique on network. */
export const ENOTUNIQ = 76;
/** File descriptor in bad state. */
export const EBADFD = 77;
/** Remote address changed. */
export const EREMCHG = 78;
/** Can not access a needed shared library. */
export const ELIBACC = 79;
/** Accessing a corrupted shared library. */
export const ELIBBAD = 80;
/** The .lib section in a.out corrupted. */
export const ELIBSCN = 81;
/** Attempting to link in too many shared libraries. */
export const ELIBMAX = 82;
/** Cannot exec a shared library directly. */
export const ELIBEXEC = 83;
/** Illegal byte sequence. */
export const EILSEQ = 84;
/** Interrupted system call should be restarted. */
export const ERESTART = 85;
/** Streams pipe error. */
export const ESTRPIPE = 86;
/** Too many users. */
export const EUSERS = 87;
/** Socket operation on non-socket. */
export const ENOTSOCK = 88;
/** Destination address required. */
export const EDESTADDRREQ = 89;
/** Message too long. */
export const EMSGSIZE = 90;
/** Protocol wrong type for socket. */
export const EPROTOTYPE = 91;
/** Protocol not available. */
export const ENOPROTOOPT = 92;
/** Protocol not supported. */
export const EPROTONOSUPPORT = 93;
/** Socket type not supported. */
export const ESOCKTNOSUPPORT = 94;
/** Operation not supported. */
export const EOPNOTSUPP = 95;
/** Protocol family not supported. */
export const EPFNOSUPPORT = 96;
/** Address family not supported. */
export const EAFNOSUPPORT = 97;
/** Address already in use. */
export const EADDRINUSE = 98;
/** Address not available. */
export const EADDRNOTAVAIL = 99;
/** Network is down. */
export const ENETDOWN = 100;
/** Network is unreachable. */
export const ENETUNREACH = 101;
/** Network dropped connection on reset. */
export const ENETRESET = 102;
/** Software caused connection abort. */
export const ECONNABORTED = 103;
/** Connection reset by peer. */
export const ECONNRESET = 104;
/** No buffer space available. */
export const ENOBUFS = 105;
/** Socket is already connected. */
export const EISCONN = 106;
/** Socket is not connected. */
export const ENOTCONN = 107;
/** Cannot send after transport endpoint shutdown. */
export const ESHUTDOWN = 108;
/** Too many references: cannot splice. */
export const ETOOMANYREFS = 109;
/** Connection timed out. */
export const ETIMEDOUT = 110;
/** Connection refused. */
export const ECONNREFUSED = 111;
/** Host is down. */
export const EHOSTDOWN = 112;
/** Host is unreachable. */
export const EHOSTUNREACH = 113;
/** Operation already in progress. */
export const EALREADY = 114;
/** Operation now in progress. */
export const EINPROGRESS = 115;
/** Stale file handle. */
export const ESTALE = 116;
/** Structure needs cleaning. */
export const EUCLEAN = 117;
/** Not a XENIX named type file. */
export const ENOTNAM = 118;
/** No XENIX semaphores available. */
export const ENAVAIL = 119;
/** Is a named type file. */
export const EISNAM = 120;
/** Remote I/O error. */
export const EREMOTEIO = 121;
/** Disk quota exceeded. */
export const EDQUOT = 122;
/** No medium found. */
export const ENOMEDIUM = 123;
/** Wrong medium type. */
export const EMEDIUMTYPE = 124;
/** Operation canceled. */
export const ECANCELED = 125;
/** Required key not available. */
export const ENOKEY = 126;
/** Key has expired. */
export const EKEYEXPIRED = 127;
/** Key has been revoked. */
export const EKEYREVOKED = 128;
/** Key was rejected by service. */
export const EKEYREJECTED = 129;
/** Owner died. */
export const EOWNERDEAD = 130;
/** State not recoverable. */
export const ENOTRECOVERABLE = 131;
/** Operation not possible due to RF-kill. */
export const ERFKILL = 132;
/** Memory page has hardware error. */
export const EHWPOISON = 133;

// Kept inside the kernel, but a cancelled io_uring request can complete with them.

/** Interrupted system call, to be restarted. */
export const ERESTARTSYS = 512;
/** Interrupted system call, to be restarted always. */
export const ERESTARTNOINTR = 513;
/** Interrupted system call, to be restarted without a handler. */
export const ERESTARTNOHAND = 514;
/** No such ioctl command. */
export const ENOIOCTLCMD = 515;
/** Interrupted system call, to be restarted by restart_syscall. */
export const ERESTART_RESTARTBLOCK = 516;

const ERRNOS: ReadonlyMap<number, readonly [name: string, message: string]> = new Map([
  [EPERM, ['EPERM', 'operation not permitted']],
  [ENOENT, ['ENOENT', 'no such file or directory']],
  [ESRCH, ['ESRCH', 'no such process']],
  [EINTR, ['EINTR', 'interrupted system call']],
  [EIO, ['EIO', 'i/o error']],
  [ENXIO, ['ENXIO', 'no such device or address']],
  [E2BIG, ['E2BIG', 'argument list too long']],
  [ENOEXEC, ['ENOEXEC', 'exec format error']],
  [EBADF, ['EBADF', 'bad file descriptor']],
  [ECHILD, ['ECHILD', 'no child processes']],
  [EAGAIN, ['EAGAIN', 'resource temporarily unavailable']],
  [ENOMEM, ['ENOMEM', 'not enough memory']],
  [EACCES, ['EACCES', 'permission denied']],
  [EFAULT, ['EFAULT', 'bad address in system call argument']],
  [ENOTBLK, ['ENOTBLK', 'block device required']],
  [EBUSY, ['EBUSY', 'resource busy or locked']],
  [EEXIST, ['EEXIST', 'file already exists']],
  [EXDEV, ['EXDEV', 'cross-device link not permitted']],
  [ENODEV, ['ENODEV', 'no such device']],
  [ENOTDIR, ['ENOTDIR', 'not a directory']],
  [EISDIR, ['EISDIR', 'illegal operation on a directory']],
  [EINVAL, ['EINVAL', 'invalid argument']],
  [ENFILE, ['ENFILE', 'file table overflow']],
  [EMFILE, ['EMFILE', 'too many open files']],
  [ENOTTY, ['ENOTTY', 'inappropriate ioctl for device']],
  [ETXTBSY, ['ETXTBSY', 'text file is busy']],
  [EFBIG, ['EFBIG', 'file too large']],
  [ENOSPC, ['ENOSPC', 'no space left on device']],
  [ESPIPE, ['ESPIPE', 'invalid seek']],
  [EROFS, ['EROFS', 'read-only file system']],
  [EMLINK, ['EMLINK', 'too many links']],
  [EPIPE, ['EPIPE', 'broken pipe']],
  [EDOM, ['EDOM', 'numerical argument out of domain']],
  [ERANGE, ['ERANGE', 'result too large']],
  [EDEADLK, ['EDEADLK', 'resource deadlock avoided']],
  [ENAMETOOLONG, ['ENAMETOOLONG', 'name too long']],
  [ENOLCK, ['ENOLCK', 'no locks available']],
  [ENOSYS, ['ENOSYS', 'function not implemented']],
  [ENOTEMPTY, ['ENOTEMPTY', 'directory not empty']],
  [ELOOP, ['ELOOP', 'too many symbolic links encountered']],
  [ENOMSG, ['ENOMSG', 'no message of desired type']],
  [EIDRM, ['EIDRM', 'identifier removed']],
  [ECHRNG, ['ECHRNG', 'channel number out of range']],
  [EL2NSYNC, ['EL2NSYNC', 'level 2 not synchronized']],
  [EL3HLT, ['EL3HLT', 'level 3 halted']],
  [EL3RST, ['EL3RST', 'level 3 reset']],
  [ELNRNG, ['ELNRNG', 'link number out of range']],
  [EUNATCH, ['EUNATCH', 'protocol driver not attached']],
  [ENOCSI, ['ENOCSI', 'no CSI structure available']],
  [EL2HLT, ['EL2HLT', 'level 2 halted']],
  [EBADE, ['EBADE', 'invalid exchange']],
  [EBADR, ['EBADR', 'invalid request descriptor']],
  [EXFULL, ['EXFULL', 'exchange full']],
  [ENOANO, ['ENOANO', 'no anode']],
  [EBADRQC, ['EBADRQC', 'invalid request code']],
  [EBADSLT, ['EBADSLT', 'invalid slot']],
  [EBFONT, ['EBFONT', 'bad font file format']],
  [ENOSTR, ['ENOSTR', 'device not a stream']],
  [ENODATA, ['ENODATA', 'no data available']],
  [ETIME, ['ETIME', 'timer expired']],
  [ENOSR, ['ENOSR', 'out of streams resources']],
  [ENONET, ['ENONET', 'machine is not on the network']],
  [ENOPKG, ['ENOPKG', 'package not installed']],
  [EREMOTE, ['EREMOTE', 'object is remote']],
  [ENOLINK, ['ENOLINK', 'link has been severed']],
  [EADV, ['EADV', 'advertise error']],
  [ESRMNT, ['ESRMNT', 'srmount error']],
  [ECOMM, ['ECOMM', 'communication error on send']],
  [EPROTO, ['EPROTO', 'protocol error']],
  [EMULTIHOP, ['EMULTIHOP', 'multihop attempted']],
  [EDOTDOT, ['EDOTDOT', 'RFS specific error']],
  [EBADMSG, ['EBADMSG', 'bad message']],
  [EOVERFLOW, ['EOVERFLOW', 'value too large for defined data type']],
  [ENOTUNIQ, ['ENOTUNIQ', 'name not unique on network']],
  [EBADFD, ['EBADFD', 'file descriptor in bad state']],
  [EREMCHG, ['EREMCHG', 'remote address changed']],
  [ELIBACC, ['ELIBACC', 'can not access a needed shared library']],
  [ELIBBAD, ['ELIBBAD', 'accessing a corrupted shared library']],
  [ELIBSCN, ['ELIBSCN', '.lib section in a.out corrupted']],
  [ELIBMAX, ['ELIBMAX', 'attempting to link in too many shared libraries']],
  [ELIBEXEC, ['ELIBEXEC', 'cannot exec a shared library directly']],
  [EILSEQ, ['EILSEQ', 'illegal byte sequence']],
  [ERESTART, ['ERESTART', 'interrupted system call should be restarted']],
  [ESTRPIPE, ['ESTRPIPE', 'streams pipe error']],
  [EUSERS, ['EUSERS', 'too many users']],
  [ENOTSOCK, ['ENOTSOCK', 'socket operation on non-socket']],
  [EDESTADDRREQ, ['EDESTADDRREQ', 'destination address required']],
  [EMSGSIZE, ['EMSGSIZE', 'message too long']],
  [EPROTOTYPE, ['EPROTOTYPE', 'protocol wrong type for socket']],
  [ENOPROTOOPT, ['ENOPROTOOPT', 'protocol not available']],
  [EPROTONOSUPPORT, ['EPROTONOSUPPORT', 'protocol not supported']],
  [ESOCKTNOSUPPORT, ['ESOCKTNOSUPPORT', 'socket type not supported']],
  [EOPNOTSUPP, ['EOPNOTSUPP', 'operation not supported']],
  [EPFNOSUPPORT, ['EPFNOSUPPORT', 'protocol family not supported']],
  [EAFNOSUPPORT, ['EAFNOSUPPORT', 'address family not supported']],
  [EADDRINUSE, ['EADDRINUSE', 'address already in use']],
  [EADDRNOTAVAIL, ['EADDRNOTAVAIL', 'address not available']],
  [ENETDOWN, ['ENETDOWN', 'network is down']],
  [ENETUNREACH, ['ENETUNREACH', 'network is unreachable']],
  [ENETRESET, ['ENETRESET', 'network dropped connection on reset']],
  [ECONNABORTED, ['ECONNABORTED', 'software caused connection abort']],
  [ECONNRESET, ['ECONNRESET', 'connection reset by peer']],
  [ENOBUFS, ['ENOBUFS', 'no buffer space available']],
  [EISCONN, ['EISCONN', 'socket is already connected']],
  [ENOTCONN, ['ENOTCONN', 'socket is not connected']],
  [ESHUTDOWN, ['ESHUTDOWN', 'cannot send after transport endpoint shutdown']],
  [ETOOMANYREFS, ['ETOOMANYREFS', 'too many references: cannot splice']],
  [ETIMEDOUT, ['ETIMEDOUT', 'connection timed out']],
  [ECONNREFUSED, ['ECONNREFUSED', 'connection refused']],
  [EHOSTDOWN, ['EHOSTDOWN', 'host is down']],
  [EHOSTUNREACH, ['EHOSTUNREACH', 'host is unreachable']],
  [EALREADY, ['EALREADY', 'operation already in progress']],
  [EINPROGRESS, ['EINPROGRESS', 'operation now in progress']],
  [ESTALE, ['ESTALE', 'stale file handle']],
  [EUCLEAN, ['EUCLEAN', 'structure needs cleaning']],
  [ENOTNAM, ['ENOTNAM', 'not a XENIX named type file']],
  [ENAVAIL, ['ENAVAIL', 'no XENIX semaphores available']],
  [EISNAM, ['EISNAM', 'is a named type file']],
  [EREMOTEIO, ['EREMOTEIO', 'remote I/O error']],
  [EDQUOT, ['EDQUOT', 'disk quota exceeded']],
  [ENOMEDIUM, ['ENOMEDIUM', 'no medium found']],
  [EMEDIUMTYPE, ['EMEDIUMTYPE', 'wrong medium type']],
  [ECANCELED, ['ECANCELED', 'operation canceled']],
  [ENOKEY, ['ENOKEY', 'required key not available']],
  [EKEYEXPIRED, ['EKEYEXPIRED', 'key has expired']],
  [EKEYREVOKED, ['EKEYREVOKED', 'key has been revoked']],
  [EKEYREJECTED, ['EKEYREJECTED', 'key was rejected by service']],
  [EOWNERDEAD, ['EOWNERDEAD', 'owner died']],
  [ENOTRECOVERABLE, ['ENOTRECOVERABLE', 'state not recoverable']],
  [ERFKILL, ['ERFKILL', 'operation not possible due to RF-kill']],
  [EHWPOISON, ['EHWPOISON', 'memory page has hardware error']],
  [ERESTARTSYS, ['ERESTARTSYS', 'interrupted system call, to be restarted']],
  [ERESTARTNOINTR, ['ERESTARTNOINTR', 'interrupted system call, to be restarted always']],
  [ERESTARTNOHAND, ['ERESTARTNOHAND', 'interrupted system call, to be restarted without a handler']],
  [ENOIOCTLCMD, ['ENOIOCTLCMD', 'no such ioctl command']],
  [
    ERESTART_RESTARTBLOCK,
    ['ERESTART_RESTARTBLOCK', 'interrupted system call, to be restarted by restart_syscall'],
  ],
]);

/** The name of an errno, positive or negative: 'EBUSY'; 'Unknown system error -999' where there is none, as libuv says. */
export function errnoName(errno: number): string {
  const positive = Math.abs(errno);
  return ERRNOS.get(positive)?.[0] ?? `Unknown system error ${-positive}`;
}

/** What an errno, positive or negative, means, in lower case: 'resource busy or locked'. */
export function errnoMessage(errno: number): string {
  return ERRNOS.get(Math.abs(errno))?.[1] ?? 'unknown error';
}
