/*
 * The workloads of bench/encode.ts: filling in entries. Only that is timed. The ring is restricted to an operation that
 * none of them is, so that the kernel completes each entry with -EACCES and looks at nothing else in it.
 */
#include "bench.h"
#include <poll.h>
#include <sys/socket.h>

#define SAMPLE 4096
#define PATH "a/path/that/is/not/there"

/* What the entries say: no constants, as in a program they would not be. */
static struct things {
  int fd;
  unsigned length;
  char *memory;
  struct iovec vector;
  struct msghdr message;
} things;

static void refused(struct run *r)
{
  submit_and_wait(&r->ring, r->depth, r->depth);
  reap_all(&r->ring, -EACCES, r->depth);
}

#define FAMILY(name, ...)                                       \
  static double name(struct run *r, unsigned ops)               \
  {                                                             \
    struct things *t = &things;                                 \
    double elapsed = 0;                                         \
    for (unsigned done = 0; done < ops; done += r->depth) {     \
      double start = now();                                     \
      for (unsigned i = 0; i < r->depth; i++) {                 \
        struct io_uring_sqe *sqe = entry(&r->ring);             \
        __VA_ARGS__;                                            \
        io_uring_sqe_set_data64(sqe, i);                        \
      }                                                         \
      elapsed += now() - start;                                 \
      refused(r);                                               \
    }                                                           \
    (void)t;                                                    \
    return elapsed;                                             \
  }

FAMILY(encode_nop, io_uring_prep_nop(sqe))
FAMILY(encode_read, io_uring_prep_read(sqe, t->fd, t->memory, t->length, 0))
FAMILY(encode_read_fixed, io_uring_prep_read_fixed(sqe, t->fd, t->memory, t->length, 0, 0))
FAMILY(encode_readv, io_uring_prep_readv(sqe, t->fd, &t->vector, 1, 0))
FAMILY(encode_send, io_uring_prep_send(sqe, t->fd, t->memory, t->length, 0))
FAMILY(encode_sendmsg, io_uring_prep_sendmsg(sqe, t->fd, &t->message, 0))
FAMILY(encode_accept, io_uring_prep_accept(sqe, t->fd, (void *)t->memory, (void *)(t->memory + 128), 0))
FAMILY(encode_openat, io_uring_prep_openat(sqe, t->fd, t->memory, 0, 0))
FAMILY(encode_statx, io_uring_prep_statx(sqe, t->fd, t->memory, 0, 0x7ff, (void *)(t->memory + 1024)))
FAMILY(encode_timeout, io_uring_prep_timeout(sqe, (void *)t->memory, 1, 0))
FAMILY(encode_poll_add, io_uring_prep_poll_add(sqe, t->fd, POLLIN))
FAMILY(encode_cancel, io_uring_prep_cancel64(sqe, 77, 0))
FAMILY(encode_splice, io_uring_prep_splice(sqe, t->fd, -1, t->fd + 1, -1, t->length, 0))
FAMILY(encode_msg_ring, io_uring_prep_msg_ring(sqe, t->fd, 1, 77, 0))

static void open_restricted(struct run *r)
{
  struct io_uring_restriction one = { .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_TEE };
  open_ring(&r->ring, r->depth, IORING_SETUP_SUBMIT_ALL | IORING_SETUP_R_DISABLED);
  /* liburing before 2.4 declares functions for these, and does not export them. */
  int error = io_uring_register(r->ring.ring_fd, IORING_REGISTER_RESTRICTIONS, &one, 1);
  if (error)
    fail("IORING_REGISTER_RESTRICTIONS", error);
  error = io_uring_register(r->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
  if (error)
    fail("IORING_REGISTER_ENABLE_RINGS", error);
  things.fd = 5;
  things.length = BLOCK;
  things.memory = pages(BLOCK);
  strcpy(things.memory, PATH);
  things.vector = (struct iovec){ things.memory, BLOCK };
  things.message = (struct msghdr){ .msg_iov = &things.vector, .msg_iovlen = 1 };
}

#define ROW(name) { #name, SAMPLE, open_restricted, name }

const struct workload encodes[] = {
  ROW(encode_nop),
  ROW(encode_read),
  ROW(encode_read_fixed),
  ROW(encode_readv),
  ROW(encode_send),
  ROW(encode_sendmsg),
  ROW(encode_accept),
  ROW(encode_openat),
  ROW(encode_statx),
  ROW(encode_timeout),
  ROW(encode_poll_add),
  ROW(encode_cancel),
  ROW(encode_splice),
  ROW(encode_msg_ring),
  { 0 },
};
