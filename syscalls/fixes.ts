/**
 * What to do about a failed system call. The causes are those of the man pages and of the kernel's source (io_uring/,
 * mm/); a sentence names the likeliest cause first.
 */
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EALREADY,
  EBADF,
  EBADFD,
  EBADR,
  EBUSY,
  ECANCELED,
  EEXIST,
  EFAULT,
  EINTR,
  EINVAL,
  EIO,
  EMFILE,
  EMSGSIZE,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOSYS,
  ENXIO,
  EOPNOTSUPP,
  EOVERFLOW,
  EOWNERDEAD,
  EPERM,
  ETIME,
  ETXTBSY,
} from './errno.ts';

type Fixes = Readonly<Record<number, string>>;

const RAISE_NOFILE = 'The process has no free descriptor: raise RLIMIT_NOFILE (`ulimit -n`) or close some.';
const RAISE_FILE_MAX = 'The system has no free file: raise fs.file-max or close files elsewhere.';
const OTHER_THREAD =
  'The ring belongs to one thread (SINGLE_ISSUER or DEFER_TASKRUN): call from the thread that made or enabled it.';
const NOT_A_RING =
  'The descriptor is not an io_uring: its number was probably closed and given to another file.';

const setup: Fixes = {
  [EACCES]: 'A security module (SELinux, AppArmor) forbids io_uring here: allow it in its policy.',
  [EAGAIN]:
    'No SQPOLL thread could start: raise RLIMIT_NPROC (`ulimit -u`) or the pids limit, or leave out SQPOLL.',
  [EBUSY]:
    'All 16 registered ring slots of this thread are taken: unregister one, or leave out REGISTERED_FD_ONLY.',
  [EFAULT]:
    'Pass a readable and writable address for the params and, with NO_MMAP, mapped memory in both user_addr.',
  [EINTR]: 'A signal came while the SQPOLL thread was started: call again.',
  [EINVAL]:
    'Give 1 to 32,768 entries, flags this kernel knows and that go together, zeroed reserved fields and, with NO_MMAP, page-aligned memory.',
  [EMFILE]: RAISE_NOFILE,
  [ENFILE]: RAISE_FILE_MAX,
  [ENOMEM]:
    'The limit of locked memory is used up: raise RLIMIT_MEMLOCK (`ulimit -l`), ask for fewer entries, or try again in a moment, since closed rings give theirs back late.',
  [ENOSYS]:
    'There is no io_uring here: it needs Linux 5.1 with CONFIG_IO_URING=y, and not gVisor or a seccomp profile that hides it.',
  [ENXIO]: 'With ATTACH_WQ, wq_fd must be an open ring that is not being closed.',
  [EOVERFLOW]:
    'The rings would be too large, or too small for mixed entry sizes: ask for another number of entries.',
  [EPERM]:
    'io_uring is forbidden: see the sysctl kernel.io_uring_disabled, allow the three io_uring calls in the seccomp profile (the default one of Docker does not), and before 5.11 leave out SQPOLL unless privileged.',
};

const enter: Fixes = {
  [EACCES]: 'A seccomp profile or security module forbids it: allow the three io_uring calls.',
  [EAGAIN]:
    'The kernel had no memory for a request: reap completions and enter again; the entries are still in the queue.',
  [EBADF]: 'The ring is closed, or its registered index is not one of this thread.',
  [EBADFD]: 'The ring is disabled (R_DISABLED): register IORING_REGISTER_ENABLE_RINGS first.',
  [EBADR]:
    'Completions were lost for want of memory and will never come: give up what is in flight, close the ring and make a new one.',
  [EBUSY]:
    'The completion queue is full and more wait in the kernel: reap completions first, then enter again.',
  [EEXIST]: OTHER_THREAD,
  [EFAULT]: 'Pass a valid address as the argument of enter: signal mask, timespec or io_uring_getevents_arg.',
  [EINTR]:
    'A signal came: return to the event loop so that its handlers run, then call again; nothing was lost.',
  [EINVAL]:
    'Use only flags this kernel knows, an argument of the size they ask for, and with REGISTERED_RING an index below 16.',
  [ENOMEM]: 'The kernel is out of memory, or the limit of the cgroup is reached: free some and enter again.',
  [ENOSYS]: 'io_uring_enter is blocked: allow the three io_uring calls in the seccomp profile.',
  [ENXIO]: 'The ring is being torn down: make a new one.',
  [EOPNOTSUPP]: NOT_A_RING,
  [EOWNERDEAD]: 'The SQPOLL thread of this ring is dead: close the ring and make a new one.',
  [EPERM]: 'A seccomp profile forbids it: allow the three io_uring calls.',
  [ETIME]: 'The time ran out before enough completions came: reap what there is and wait again.',
};

const register: Fixes = {
  [E2BIG]: 'Register a smaller memory region or a shorter argument.',
  [EACCES]:
    'The restrictions of this ring do not allow the opcode; limits of a whole task need CAP_SYS_ADMIN or no_new_privs.',
  [EAGAIN]: 'The kernel was short of a resource for a moment: try again.',
  [EALREADY]: 'The request is running and could not be stopped yet: wait for its completion.',
  [EBADF]: 'The ring is closed, or one of the descriptors given is not open or is itself a ring.',
  [EBADFD]:
    'This works only on a ring that is disabled (R_DISABLED), or what a message goes to is no ring or still disabled: set up or enable it first.',
  [EBUSY]:
    'There is one registered already (restrictions: once for all), or all 16 ring slots of this thread are taken: unregister first.',
  [ECANCELED]: 'It was cancelled before it was done: try again.',
  [EEXIST]:
    'The ring belongs to one thread (SINGLE_ISSUER or DEFER_TASKRUN), so call from that, or the buffer group or NAPI ID is taken, so choose another.',
  [EFAULT]:
    'Pass valid memory: each buffer 1 byte to 1 GiB, mapped, writable and not backed by a file; the buffers must not be detached.',
  [EINTR]:
    'A signal came: return to the event loop so that its handlers run, then call again; nothing was lost.',
  [EINVAL]:
    'The kernel does not know the opcode or a flag, or a count, size, alignment or reserved field is wrong: look the opcode up in io_uring_register(2).',
  [EMFILE]:
    'There can be as many fixed files as RLIMIT_NOFILE (`ulimit -n`) and at most 1,048,576: raise the limit or register fewer.',
  [EMSGSIZE]: 'The size does not agree with the kernel: use its pdu_size, or leave out SZ_STRICT.',
  [ENFILE]: RAISE_FILE_MAX,
  [ENODEV]: 'There is no such network device or queue.',
  [ENOENT]: 'There is no such request, buffer group or ID: it was never there or has gone.',
  [ENOMEM]:
    'The limit of locked memory is used up: raise RLIMIT_MEMLOCK (`ulimit -l`), register less (of what lies in a huge page all of that page counts), or try again in a moment, since closed rings give theirs back late.',
  [ENOSPC]: 'No slot or ID is free: release some or register a larger table.',
  [ENOSYS]: 'io_uring_register is blocked: allow the three io_uring calls in the seccomp profile.',
  [ENXIO]: 'Nothing of the kind is registered, or the ring is being torn down: register it first.',
  [EOPNOTSUPP]:
    'The descriptor is not an io_uring, or the kernel, the network device or this memory (file-backed pages, for instance) does not support it.',
  [EOVERFLOW]:
    'An address and length wrap around, an offset and count lie past the table, or the new rings (of a message: the other ring) cannot hold what is queued.',
  [EPERM]:
    'It needs a privilege (CAP_NET_ADMIN for zero-copy receive), the task has restrictions already, or a seccomp profile forbids it.',
  [ETIME]: 'The time ran out before every request was gone: wait longer or call again.',
};

const mmap: Fixes = {
  [EACCES]: 'The descriptor must be open for reading, and for shared writable maps for writing too.',
  [EAGAIN]: 'Too much memory is locked: raise RLIMIT_MEMLOCK (`ulimit -l`) or leave out MAP_LOCKED.',
  [EBADF]: 'The descriptor is not open; with MAP_ANONYMOUS pass -1.',
  [EEXIST]: 'With MAP_FIXED_NOREPLACE: something is mapped there, choose another address.',
  [EINVAL]:
    'Length above 0, address and offset on a page boundary, and flags that go together; a ring with NO_MMAP cannot be mapped, and since 6.1 none at an address of choice.',
  [ENFILE]: RAISE_FILE_MAX,
  [ENODEV]: 'The file cannot be mapped.',
  [ENOMEM]:
    'No memory or address space is left, or vm.max_map_count or a limit (`ulimit -v`) is reached: map less or raise it; on a ring, the offset may name a region it does not have.',
  [EOVERFLOW]: 'Offset and length together are too large: map less.',
  [EPERM]: 'The mount or a seal forbids this access, or PROT_EXEC is not allowed.',
  [ETXTBSY]: 'The file is being executed or swapped to: use another one.',
};

const munmap: Fixes = {
  [EINVAL]: 'Pass the page-aligned address and the length that mmap was given.',
  [ENOMEM]: 'The unmapping would split a mapping past vm.max_map_count: unmap it whole or raise the limit.',
};

const eventfd: Fixes = {
  [EINVAL]: 'Use only EFD_CLOEXEC, EFD_NONBLOCK and EFD_SEMAPHORE.',
  [EMFILE]: RAISE_NOFILE,
  [ENFILE]: RAISE_FILE_MAX,
  [ENODEV]: 'The kernel could not mount its anonymous inodes: it is broken or still booting.',
  [ENOMEM]: 'The kernel is out of memory: free some and try again.',
};

const dup: Fixes = {
  [EBADF]: 'The old descriptor is not open, or the new number is above RLIMIT_NOFILE (`ulimit -n`).',
  [EBUSY]: 'Another thread is opening that very number: try again.',
  [EINTR]: 'A signal came: try again.',
  [EINVAL]: 'The two numbers must differ, and O_CLOEXEC is the only flag.',
  [EMFILE]: RAISE_NOFILE,
};

const close: Fixes = {
  [EBADF]:
    'It is closed already: somebody closed it twice, and might have hit a new file of the same number.',
  [EINTR]: 'It is closed all the same: never close it again.',
  [EIO]: 'It is closed, but data written before may not have reached the disk: fsync before closing.',
  [ENOSPC]: 'It is closed, but there was no room for data written before: fsync before closing.',
};

const bySyscall: Readonly<Record<string, Fixes>> = {
  io_uring_setup: setup,
  io_uring_enter: enter,
  io_uring_enter2: enter,
  io_uring_register: register,
  mmap,
  munmap,
  eventfd,
  eventfd2: eventfd,
  dup3: dup,
  close,
};

const general: Fixes = {
  [EACCES]: 'Permission is missing: check the rights of the file and of the process.',
  [EAGAIN]: 'The resource is short or not ready: try again later.',
  [EBADF]: 'The descriptor is not open, or not open for this.',
  [EBUSY]: 'It is in use: try again when it is free.',
  [EFAULT]: 'An address is not valid: keep the memory alive until the call is done.',
  [EINTR]: 'A signal came: return to the event loop so that its handlers run, then call again.',
  [EINVAL]: 'An argument is wrong, or this kernel does not know it yet.',
  [EIO]: 'The device or file system reports an error: see the kernel log (dmesg).',
  [EMFILE]: RAISE_NOFILE,
  [ENFILE]: RAISE_FILE_MAX,
  [ENOENT]: 'It does not exist: check the name.',
  [ENOMEM]: 'Memory or a limit on it is used up: free some or raise the limit.',
  [ENOSPC]: 'No space is left: free some.',
  [ENOSYS]: 'This kernel or sandbox does not have the call.',
  [EOPNOTSUPP]: 'The object does not support the operation.',
  [EPERM]: 'A privilege is missing, or a seccomp profile forbids the call.',
};

/**
 * One sentence on what to do when `syscall` fails with `errno`, positive or negative: for the calls the ring makes the
 * one of that call, else a general one. Never empty.
 */
export function fixFor(syscall: string, errno: number): string {
  const positive = Math.abs(errno);
  return (
    bySyscall[syscall]?.[positive] ?? general[positive] ?? `See errno(3) and the man page of ${syscall}(2).`
  );
}
