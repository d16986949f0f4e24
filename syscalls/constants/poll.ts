// Events of poll(2) and epoll(7), for IORING_OP_POLL_ADD and IORING_OP_EPOLL_CTL.

/** Something to read. */
export const POLLIN = 0x1;
/** Something urgent to read. */
export const POLLPRI = 0x2;
/** Room to write. */
export const POLLOUT = 0x4;
/** An error; always reported. */
export const POLLERR = 0x8;
/** The peer hung up; always reported. */
export const POLLHUP = 0x10;
/** The descriptor is not open. */
export const POLLNVAL = 0x20;
/** As POLLIN. */
export const POLLRDNORM = 0x40;
/** Priority data to read. */
export const POLLRDBAND = 0x80;
/** As POLLOUT. */
export const POLLWRNORM = 0x100;
/** Priority data may be written. */
export const POLLWRBAND = 0x200;
/** Unused. */
export const POLLMSG = 0x400;
/** Unused. */
export const POLLREMOVE = 0x1000;
/** The peer will send no more. */
export const POLLRDHUP = 0x2000;

// epoll

/** Something to read. */
export const EPOLLIN = 0x1;
/** Something urgent to read. */
export const EPOLLPRI = 0x2;
/** Room to write. */
export const EPOLLOUT = 0x4;
/** An error; always reported. */
export const EPOLLERR = 0x8;
/** The peer hung up; always reported. */
export const EPOLLHUP = 0x10;
/** As EPOLLIN. */
export const EPOLLRDNORM = 0x40;
/** Priority data to read. */
export const EPOLLRDBAND = 0x80;
/** As EPOLLOUT. */
export const EPOLLWRNORM = 0x100;
/** Priority data may be written. */
export const EPOLLWRBAND = 0x200;
/** Unused. */
export const EPOLLMSG = 0x400;
/** The peer will send no more. */
export const EPOLLRDHUP = 0x2000;
/** Wake one waiter, not all; since 4.5. */
export const EPOLLEXCLUSIVE = 0x10000000;
/** Keep the system awake while the event is handled. */
export const EPOLLWAKEUP = 0x20000000;
/** Report once, then disarm. */
export const EPOLLONESHOT = 0x40000000;
/** Edge-triggered. */
export const EPOLLET = 0x80000000;
/** Add a descriptor. */
export const EPOLL_CTL_ADD = 1;
/** Remove a descriptor. */
export const EPOLL_CTL_DEL = 2;
/** Change the events of a descriptor. */
export const EPOLL_CTL_MOD = 3;
/** epoll_create1(2): close on exec. */
export const EPOLL_CLOEXEC = 0x80000;
