// Sockets. Sources: socket(2), send(2), recv(2), socket(7), ip(7), tcp(7).

// AF_*

/** No family: in connect(2), dissolves the association. */
export const AF_UNSPEC = 0;
/** Local sockets. */
export const AF_UNIX = 1;
/** IPv4. */
export const AF_INET = 2;
/** IPv6. */
export const AF_INET6 = 10;
/** Talks to the kernel. */
export const AF_NETLINK = 16;
/** Raw link layer. */
export const AF_PACKET = 17;
/** The kernel's cryptography. */
export const AF_ALG = 38;
/** Virtual machines and their host. */
export const AF_VSOCK = 40;
/** XDP; since 4.18. */
export const AF_XDP = 44;

// SOCK_*

/** A byte stream. */
export const SOCK_STREAM = 1;
/** Datagrams. */
export const SOCK_DGRAM = 2;
/** Raw protocol access. */
export const SOCK_RAW = 3;
/** Reliable datagrams. */
export const SOCK_RDM = 4;
/** A stream of records. */
export const SOCK_SEQPACKET = 5;
/** OR to the type: do not block. */
export const SOCK_NONBLOCK = 0x800;
/** OR to the type: close on exec. */
export const SOCK_CLOEXEC = 0x80000;

// SOL_*

/** Options of IPv4. */
export const SOL_IP = 0;
/** Options of every socket. */
export const SOL_SOCKET = 1;
/** Options of TCP. */
export const SOL_TCP = 6;
/** Options of UDP. */
export const SOL_UDP = 17;
/** Options of IPv6. */
export const SOL_IPV6 = 41;

// SO_*, level SOL_SOCKET

/** Record debugging information. */
export const SO_DEBUG = 1;
/** bind(2) may reuse an address in TIME_WAIT. */
export const SO_REUSEADDR = 2;
/** The socket's type; read only. */
export const SO_TYPE = 3;
/** The pending error, which it clears; read only. */
export const SO_ERROR = 4;
/** Send without a gateway. */
export const SO_DONTROUTE = 5;
/** May send to a broadcast address. */
export const SO_BROADCAST = 6;
/** Send buffer, bytes. */
export const SO_SNDBUF = 7;
/** Receive buffer, bytes. */
export const SO_RCVBUF = 8;
/** Probe idle connections. */
export const SO_KEEPALIVE = 9;
/** Out-of-band data comes in the stream. */
export const SO_OOBINLINE = 10;
/** Priority of packets. */
export const SO_PRIORITY = 12;
/** What close(2) does with unsent data. */
export const SO_LINGER = 13;
/** Several sockets share one port; since 3.9. */
export const SO_REUSEPORT = 15;
/** Receive the sender's credentials. */
export const SO_PASSCRED = 16;
/** Credentials of the peer; read only. */
export const SO_PEERCRED = 17;
/** Fewest bytes that make it readable. */
export const SO_RCVLOWAT = 18;
/** Fewest bytes that make it writable; read only. */
export const SO_SNDLOWAT = 19;
/** Time limit of receives. */
export const SO_RCVTIMEO = 20;
/** Time limit of sends. */
export const SO_SNDTIMEO = 21;
/** Use only this network device. */
export const SO_BINDTODEVICE = 25;
/** Receive timestamps, microseconds. */
export const SO_TIMESTAMP = 29;
/** Whether it listens; read only. */
export const SO_ACCEPTCONN = 30;
/** As SO_SNDBUF, above the limit; privileged. */
export const SO_SNDBUFFORCE = 32;
/** As SO_RCVBUF, above the limit; privileged. */
export const SO_RCVBUFFORCE = 33;
/** Receive timestamps, nanoseconds. */
export const SO_TIMESTAMPNS = 35;
/** Mark of packets; privileged. */
export const SO_MARK = 36;
/** Timestamps of sent and received packets. */
export const SO_TIMESTAMPING = 37;
/** The protocol; read only. */
export const SO_PROTOCOL = 38;
/** The address family; read only. */
export const SO_DOMAIN = 39;
/** Busy-poll time, microseconds; since 3.11. */
export const SO_BUSY_POLL = 46;
/** The CPU packets arrive on; since 3.19. */
export const SO_INCOMING_CPU = 49;
/** The device queue packets arrive on; read only; since 4.12. */
export const SO_INCOMING_NAPI_ID = 56;
/** A number unique to the socket; read only; since 4.12. */
export const SO_COOKIE = 57;
/** Allow MSG_ZEROCOPY; since 4.14. */
export const SO_ZEROCOPY = 60;
/** Prefer busy polling to interrupts; since 5.11. */
export const SO_PREFER_BUSY_POLL = 69;

// MSG_*

/** Out-of-band data. */
export const MSG_OOB = 0x1;
/** Do not consume the data. */
export const MSG_PEEK = 0x2;
/** Send without a gateway. */
export const MSG_DONTROUTE = 0x4;
/** Received control data was cut. */
export const MSG_CTRUNC = 0x8;
/** A received datagram was cut; asked for: return its real length. */
export const MSG_TRUNC = 0x20;
/** Do not block. */
export const MSG_DONTWAIT = 0x40;
/** End of record. */
export const MSG_EOR = 0x80;
/** Wait until the whole buffer is full; for sends too, since 5.19. */
export const MSG_WAITALL = 0x100;
/** The peer is alive: do not ask ARP again. */
export const MSG_CONFIRM = 0x800;
/** Read from the error queue. */
export const MSG_ERRQUEUE = 0x2000;
/** No SIGPIPE; io_uring always sends so. */
export const MSG_NOSIGNAL = 0x4000;
/** More will follow: hold the packet. */
export const MSG_MORE = 0x8000;
/** recvmmsg(2): stop after one. */
export const MSG_WAITFORONE = 0x10000;
/** Do not copy the data; io_uring has SEND_ZC instead; since 4.14. */
export const MSG_ZEROCOPY = 0x4000000;
/** Send data with the SYN. */
export const MSG_FASTOPEN = 0x20000000;
/** Received descriptors are close-on-exec. */
export const MSG_CMSG_CLOEXEC = 0x40000000;

// SCM_*, types of control messages at SOL_SOCKET

/** Descriptors. */
export const SCM_RIGHTS = 1;
/** Credentials. */
export const SCM_CREDENTIALS = 2;

// SHUT_*

/** No more receiving. */
export const SHUT_RD = 0;
/** No more sending. */
export const SHUT_WR = 1;
/** Neither. */
export const SHUT_RDWR = 2;
/** The usual limit of a listen backlog; since 5.4. */
export const SOMAXCONN = 4096;

// IPPROTO_*

/** The family's default protocol. */
export const IPPROTO_IP = 0;
/** ICMP. */
export const IPPROTO_ICMP = 1;
/** TCP. */
export const IPPROTO_TCP = 6;
/** UDP. */
export const IPPROTO_UDP = 17;
/** IPv6. */
export const IPPROTO_IPV6 = 41;
/** ICMPv6. */
export const IPPROTO_ICMPV6 = 58;
/** SCTP. */
export const IPPROTO_SCTP = 132;
/** Raw IP packets. */
export const IPPROTO_RAW = 255;
/** Multipath TCP; since 5.6. */
export const IPPROTO_MPTCP = 262;

// options of IPv6, TCP and UDP

/** SOL_IPV6: do not take IPv4 connections. */
export const IPV6_V6ONLY = 26;
/** SOL_TCP: send small packets at once. */
export const TCP_NODELAY = 1;
/** SOL_TCP: largest segment, bytes. */
export const TCP_MAXSEG = 2;
/** SOL_TCP: hold partial packets. */
export const TCP_CORK = 3;
/** SOL_TCP: idle time before the first probe, seconds. */
export const TCP_KEEPIDLE = 4;
/** SOL_TCP: time between probes, seconds. */
export const TCP_KEEPINTVL = 5;
/** SOL_TCP: probes before giving up. */
export const TCP_KEEPCNT = 6;
/** SOL_TCP: accept when data is there, seconds. */
export const TCP_DEFER_ACCEPT = 9;
/** SOL_TCP: state of the connection; read only. */
export const TCP_INFO = 11;
/** SOL_TCP: acknowledge at once. */
export const TCP_QUICKACK = 12;
/** SOL_TCP: longest time without acknowledgement, milliseconds. */
export const TCP_USER_TIMEOUT = 18;
/** SOL_TCP: queue of connections that sent data with the SYN. */
export const TCP_FASTOPEN = 23;
