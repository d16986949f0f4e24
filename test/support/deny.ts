/**
 * `deny.ts ERRNO FILE ARGUMENT…`: becomes the program FILE under a seccomp filter that lets io_uring_setup,
 * io_uring_enter and io_uring_register fail with ERRNO, as the profiles of containers do. By way of tsuring/syscalls.
 */
import { addressOf, cString, libc, UringError } from 'tsuring/syscalls';

const NUMBERS =
  process.arch === 'arm64'
    ? { execve: 221, fcntl: 25, prctl: 167, seccomp: 277 }
    : { execve: 59, fcntl: 72, prctl: 157, seccomp: 317 };
const IO_URING = [425, 426, 427];
const F_SETFD = 2;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const RET_ALLOW = 0x7fff_0000;
const RET_ERRNO = 0x0005_0000;

const [errno, ...command] = process.argv.slice(2);
const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value}`);
const file = cString(command[0]);
const [argv, envp] = [pointers(command), pointers(environment)];
install(Number(errno));
// No more of Node's own doing from here on: newer versions have an io_uring themselves, and end without it.
const { execve, fcntl } = NUMBERS;
// Node has its standard streams closed on exec.
for (const fd of [0, 1, 2]) check('fcntl', libc().syscall(fcntl, fd, F_SETFD, 0, 0, 0, 0));
check('execve', libc().syscall(execve, addressOf(file), addressOf(argv.list), addressOf(envp.list), 0, 0, 0));

/** A NULL-terminated array of C strings; `strings` keeps them alive. */
function pointers(texts: string[]): { list: BigUint64Array; strings: Uint8Array[] } {
  const strings = texts.map(cString);
  return { list: BigUint64Array.from([...strings.map((text) => BigInt(addressOf(text))), 0n]), strings };
}

function install(errno: number): void {
  // struct sock_filter: code, jump if true, jump if false, operand. The number of the call is at 0 of seccomp_data.
  const program: [code: number, jt: number, jf: number, k: number][] = [
    [LOAD_WORD, 0, 0, 0],
    ...IO_URING.map((nr, i): [number, number, number, number] => [JUMP_EQUAL, IO_URING.length - i, 0, nr]),
    [RETURN, 0, 0, RET_ALLOW],
    [RETURN, 0, 0, RET_ERRNO | errno],
  ];
  const filter = new DataView(new ArrayBuffer(8 * program.length));
  for (const [i, [code, jt, jf, k]] of program.entries()) {
    filter.setUint16(8 * i, code, true);
    filter.setUint8(8 * i + 2, jt);
    filter.setUint8(8 * i + 3, jf);
    filter.setUint32(8 * i + 4, k, true);
  }
  // struct sock_fprog: the number of instructions, and where they are.
  const fprog = new DataView(new ArrayBuffer(16));
  fprog.setUint16(0, program.length, true);
  fprog.setBigUint64(8, BigInt(addressOf(filter)), true);
  check('prctl', libc().syscall(NUMBERS.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0));
  const { seccomp } = NUMBERS;
  check('seccomp', libc().syscall(seccomp, SECCOMP_SET_MODE_FILTER, 0, addressOf(fprog), 0, 0, 0));
}

function check(syscall: string, result: number): void {
  if (result !== 0) throw new UringError(result, syscall);
}
