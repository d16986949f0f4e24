// What socket operations point to.

/** One piece of memory of a vectored transfer. Source: readv(2). */
export const iovec = {
  size: 16,
  fields: {
    iov_base: [0, 8],
    iov_len: [8, 8],
  },
} as const;

/** A message of sendmsg(2) and recvmsg(2). */
export const msghdr = {
  size: 56,
  fields: {
    msg_name: [0, 8],
    msg_namelen: [8, 4],
    msg_iov: [16, 8],
    msg_iovlen: [24, 8],
    msg_control: [32, 8],
    msg_controllen: [40, 8],
    msg_flags: [48, 4, 'signed'],
  },
} as const;

/** Header of one control message. Source: cmsg(3). */
export const cmsghdr = {
  size: 16,
  fields: {
    cmsg_len: [0, 8],
    cmsg_level: [8, 4, 'signed'],
    cmsg_type: [12, 4, 'signed'],
    __cmsg_data: [16, 0],
  },
} as const;

/** IPv4 address; port and address in network byte order. Source: ip(7). */
export const sockaddr_in = {
  size: 16,
  fields: {
    sin_family: [0, 2],
    sin_port: [2, 2],
    'sin_addr.s_addr': [4, 4],
    sin_zero: [8, 8],
  },
} as const;

/** IPv6 address; port and address in network byte order. Source: ipv6(7). */
export const sockaddr_in6 = {
  size: 28,
  fields: {
    sin6_family: [0, 2],
    sin6_port: [2, 2],
    sin6_flowinfo: [4, 4],
    'sin6_addr.__in6_u.__u6_addr8': [8, 16],
    'sin6_addr.__in6_u.__u6_addr16': [8, 16],
    'sin6_addr.__in6_u.__u6_addr32': [8, 16],
    sin6_scope_id: [24, 4],
  },
} as const;

/** Address of a local socket. Source: unix(7). */
export const sockaddr_un = {
  size: 110,
  fields: {
    sun_family: [0, 2],
    sun_path: [2, 108],
  },
} as const;
