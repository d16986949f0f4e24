// Every constant of the kernel interface, by its own name.

export * from './bpf_filter.ts';
export * from './cqe.ts';
export * from './enter.ts';
export * from './fcntl.ts';
export * from './futex.ts';
export * from './mman.ts';
export * from './opcodes.ts';
export * from './poll.ts';
export * from './query.ts';
export * from './register.ts';
export * from './rw.ts';
export * from './setup.ts';
export * from './socket.ts';
export * from './splice.ts';
export * from './sqe.ts';
export * from './stat.ts';
export * from './sync.ts';
export * from './time.ts';
export * from './wait.ts';
export * from './xattr.ts';
export * from './zcrx.ts';
