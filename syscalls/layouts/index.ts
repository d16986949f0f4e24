// Every struct layout, by the kernel's name.

export * from './bpf_filter.ts';
export * from './buffers.ts';
export * from './epoll.ts';
export * from './files.ts';
export type { Field, Layout } from './layout.ts';
export * from './query.ts';
export * from './register.ts';
export * from './ring.ts';
export * from './signals.ts';
export * from './sockets.ts';
export * from './time.ts';
export * from './zcrx.ts';
