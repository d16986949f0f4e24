// io_uring_register(2): opcodes, and the flags of their arguments.

/** Register fixed buffers; since 5.1. */
export const IORING_REGISTER_BUFFERS = 0;
/** Release all fixed buffers; since 5.1. */
export const IORING_UNREGISTER_BUFFERS = 1;
/** Register fixed files; since 5.1. */
export const IORING_REGISTER_FILES = 2;
/** Release all fixed files; since 5.1. */
export const IORING_UNREGISTER_FILES = 3;
/** Signal an eventfd at every completion; since 5.2. */
export const IORING_REGISTER_EVENTFD = 4;
/** Stop signalling the eventfd; since 5.2. */
export const IORING_UNREGISTER_EVENTFD = 5;
/** Replace some fixed files; since 5.5. */
export const IORING_REGISTER_FILES_UPDATE = 6;
/** Signal an eventfd only for completions that did not come inline; since 5.6. */
export const IORING_REGISTER_EVENTFD_ASYNC = 7;
/** Ask which operations exist; since 5.6. */
export const IORING_REGISTER_PROBE = 8;
/** Keep the caller's credentials under an ID; since 5.6. */
export const IORING_REGISTER_PERSONALITY = 9;
/** Drop credentials; since 5.6. */
export const IORING_UNREGISTER_PERSONALITY = 10;
/** Limit what the ring may do; while it is disabled; since 5.10. */
export const IORING_REGISTER_RESTRICTIONS = 11;
/** Start a ring made with `IORING_SETUP_R_DISABLED`; since 5.10. */
export const IORING_REGISTER_ENABLE_RINGS = 12;
/** Register fixed files, with tags; since 5.13. */
export const IORING_REGISTER_FILES2 = 13;
/** Replace some fixed files, with tags; since 5.13. */
export const IORING_REGISTER_FILES_UPDATE2 = 14;
/** Register fixed buffers, with tags; since 5.13. */
export const IORING_REGISTER_BUFFERS2 = 15;
/** Replace some fixed buffers, with tags; since 5.13. */
export const IORING_REGISTER_BUFFERS_UPDATE = 16;
/** Set the CPUs of the worker threads; since 5.14. */
export const IORING_REGISTER_IOWQ_AFF = 17;
/** Reset the CPUs of the worker threads; since 5.14. */
export const IORING_UNREGISTER_IOWQ_AFF = 18;
/** Read and set the most worker threads of each kind; since 5.15. */
export const IORING_REGISTER_IOWQ_MAX_WORKERS = 19;
/** Register the ring's own descriptor, to save a lookup per enter; since 5.18. */
export const IORING_REGISTER_RING_FDS = 20;
/** Release registered ring descriptors; since 5.18. */
export const IORING_UNREGISTER_RING_FDS = 21;
/** Register a ring of provided buffers; since 5.19. */
export const IORING_REGISTER_PBUF_RING = 22;
/** Release a ring of provided buffers; since 5.19. */
export const IORING_UNREGISTER_PBUF_RING = 23;
/** Cancel requests and wait until they are gone; since 6.0. */
export const IORING_REGISTER_SYNC_CANCEL = 24;
/** Set the slots the kernel may choose from; since 6.0. */
export const IORING_REGISTER_FILE_ALLOC_RANGE = 25;
/** Read how far the kernel is in a buffer ring; since 6.8. */
export const IORING_REGISTER_PBUF_STATUS = 26;
/** Busy-poll network devices while waiting; since 6.9. */
export const IORING_REGISTER_NAPI = 27;
/** Stop busy-polling network devices; since 6.9. */
export const IORING_UNREGISTER_NAPI = 28;
/** Choose the clock of waits; since 6.12. */
export const IORING_REGISTER_CLOCK = 29;
/** Take over registered buffers of another ring; since 6.12. */
export const IORING_REGISTER_CLONE_BUFFERS = 30;
/** Send a MSG_RING message without a ring of one's own; since 6.13. */
export const IORING_REGISTER_SEND_MSG_RING = 31;
/** Register a network receive queue for zero-copy receive; since 6.15. */
export const IORING_REGISTER_ZCRX_IFQ = 32;
/** Change the sizes of the rings; needs DEFER_TASKRUN; since 6.13. */
export const IORING_REGISTER_RESIZE_RINGS = 33;
/** Register a memory region, such as wait arguments; since 6.13. */
export const IORING_REGISTER_MEM_REGION = 34;
/** Ask what io_uring can do; works without a ring; since 6.18. */
export const IORING_REGISTER_QUERY = 35;
/** Control a zero-copy receive queue; since 6.19. */
export const IORING_REGISTER_ZCRX_CTRL = 36;
/** Register a BPF filter for requests; since 7.0. */
export const IORING_REGISTER_BPF_FILTER = 37;
/** Number of opcodes these headers know (7.1); not itself one. */
export const IORING_REGISTER_LAST = 38;
/** OR to the opcode: the descriptor is a registered ring index; since 6.3. */
export const IORING_REGISTER_USE_REGISTERED_RING = 0x80000000;

// worker kinds of IORING_REGISTER_IOWQ_MAX_WORKERS

/** Workers for I/O that ends in bounded time (files, block devices); since 5.15. */
export const IO_WQ_BOUND = 0;
/** Workers for I/O that may wait for ever (sockets, pipes); since 5.15. */
export const IO_WQ_UNBOUND = 1;

// fixed files and buffers

/** Register a table of empty slots; since 5.19. */
export const IORING_RSRC_REGISTER_SPARSE = 0x1;
/** As a descriptor in a files update: leave this slot alone; since 5.12. */
export const IORING_REGISTER_FILES_SKIP = -2;

// IORING_REGISTER_PROBE: io_uring_probe_op.flags

/** The operation is there; since 5.6. */
export const IO_URING_OP_SUPPORTED = 0x1;

// IORING_REGISTER_RESTRICTIONS: io_uring_restriction.opcode

/** Allow a register opcode; since 5.10. */
export const IORING_RESTRICTION_REGISTER_OP = 0;
/** Allow an operation; since 5.10. */
export const IORING_RESTRICTION_SQE_OP = 1;
/** Allow these `sqe.flags`; since 5.10. */
export const IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2;
/** Demand these `sqe.flags`; since 5.10. */
export const IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;
/** Number of kinds of restriction; not itself one. */
export const IORING_RESTRICTION_LAST = 4;

// IORING_REGISTER_CLONE_BUFFERS: io_uring_clone_buffers.flags

/** `src_fd` is a registered ring index; since 6.12. */
export const IORING_REGISTER_SRC_REGISTERED = 0x1;
/** Replace buffers already registered; since 6.13. */
export const IORING_REGISTER_DST_REPLACE = 0x2;

// IORING_REGISTER_PBUF_RING: io_uring_buf_reg.flags

/** The kernel allocates the ring; mmap it at `IORING_OFF_PBUF_RING`; since 6.4. */
export const IOU_PBUF_RING_MMAP = 0x1;
/** Buffers are used up piece by piece; since 6.12. */
export const IOU_PBUF_RING_INC = 0x2;

// IORING_REGISTER_MEM_REGION

/** io_uring_region_desc.flags: the memory is ours, at `user_addr`; since 6.13. */
export const IORING_MEM_REGION_TYPE_USER = 0x1;
/** io_uring_mem_region_reg.flags: the region holds wait arguments; since 6.13. */
export const IORING_MEM_REGION_REG_WAIT_ARG = 0x1;
/** io_uring_reg_wait.flags: `ts` is set; since 6.13. */
export const IORING_REG_WAIT_TS = 0x1;
