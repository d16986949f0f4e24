// What IORING_OP_EPOLL_CTL and IORING_OP_EPOLL_WAIT point to.

const packed = {
  size: 12,
  fields: {
    events: [0, 4],
    'data.ptr': [4, 8],
    'data.fd': [4, 4, 'signed'],
    'data.u32': [4, 4],
    'data.u64': [4, 8],
  },
} as const;

const aligned = {
  size: 16,
  fields: {
    events: [0, 4],
    'data.ptr': [8, 8],
    'data.fd': [8, 4, 'signed'],
    'data.u32': [8, 4],
    'data.u64': [8, 8],
  },
} as const;

/** One event of epoll(7): 12 bytes on x64, where it is packed, 16 bytes with the data at 8 elsewhere. */
export const epoll_event: typeof packed | typeof aligned = process.arch === 'x64' ? packed : aligned;
