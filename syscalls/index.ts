/**
 * The kernel's ABI, useful alone: constants, struct layouts, errno, memory, and the system calls in their raw form.
 * `import { ioUringSetup, IORING_SETUP_SQPOLL } from 'tsuring/syscalls'`.
 */
export * from './constants/index.ts';
export * from './errno.ts';
export * from './error.ts';
export * from './fixes.ts';
export { type Kernel, linux } from './kernel.ts';
export * from './layouts/index.ts';
export { type Libc, libc, type Result } from './libc.ts';
export * from './memory.ts';
export * from './struct.ts';
export { ioUringEnter, ioUringRegister, ioUringSetup } from './uring.ts';
