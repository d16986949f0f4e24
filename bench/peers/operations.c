/*
 * The workloads of bench/operations.ts: NOPs, reads, and NOPs without a system call.
 */
#include "bench.h"
#include <fcntl.h>

#define SPINS_BEFORE_A_LOOK 1000000

struct reads {
  int fd, fixed;
  unsigned next;
  char *buffers;
};

static void prepare_nop(struct run *r, unsigned i)
{
  struct io_uring_sqe *sqe = entry(&r->ring);
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data64(sqe, i);
}

static void prepare_read(struct run *r, unsigned i)
{
  struct reads *own = r->own;
  struct io_uring_sqe *sqe = entry(&r->ring);
  char *to = own->buffers + (size_t)i * BLOCK;
  off_t at = (off_t)own->next * BLOCK;
  if (own->fixed)
    io_uring_prep_read_fixed(sqe, own->fd, to, BLOCK, at, 0);
  else
    io_uring_prep_read(sqe, own->fd, to, BLOCK, at);
  io_uring_sqe_set_data64(sqe, i);
  own->next = own->next + 1 == r->blocks ? 0 : own->next + 1;
}

/* Batches of `depth`, each by one io_uring_submit_and_wait. */
static double nops(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned done = 0; done < ops; done += r->depth) {
    for (unsigned i = 0; i < r->depth; i++)
      prepare_nop(r, i);
    submit_and_wait(&r->ring, r->depth, r->depth);
    reap_all(&r->ring, 0, r->depth);
  }
  return now() - start;
}

static double reads(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned done = 0; done < ops; done += r->depth) {
    for (unsigned i = 0; i < r->depth; i++)
      prepare_read(r, i);
    submit_and_wait(&r->ring, r->depth, r->depth);
    reap_all(&r->ring, BLOCK, r->depth);
  }
  return now() - start;
}

/* The same by polling: the kernel's thread is awake, so no system call is made. */
static double polled(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned done = 0; done < ops; done += r->depth) {
    unsigned long sum = 0, expected = (unsigned long)r->depth * (r->depth - 1) / 2;
    unsigned seen = 0;
    for (unsigned i = 0; i < r->depth; i++)
      prepare_nop(r, i);
    /* Gives the entries not consumed yet: with SQPOLL some of the batch before may still count. */
    int taken = io_uring_submit(&r->ring);
    if (taken < 0)
      fail("io_uring_submit", taken);
    for (unsigned spins = 0; seen < r->depth; spins++) {
      seen += reap(&r->ring, 0, &sum);
      if (spins > 0 && spins % SPINS_BEFORE_A_LOOK == 0)
        io_uring_submit(&r->ring);
    }
    if (sum != expected)
      fail("completions", EPROTO);
  }
  return now() - start;
}

static void open_plain(struct run *r)
{
  open_ring(&r->ring, 128, 0);
}

static void open_registered(struct run *r)
{
  open_plain(r);
  int count = io_uring_register_ring_fd(&r->ring);
  if (count != 1)
    fail("io_uring_register_ring_fd", count);
}

static void open_reads(struct run *r, int flags)
{
  static struct reads own;
  open_plain(r);
  own.fd = open(r->path, O_RDONLY | flags);
  if (own.fd < 0)
    fail(r->path, errno);
  own.buffers = pages((size_t)r->depth * BLOCK);
  memset(own.buffers, 1, (size_t)r->depth * BLOCK);
  r->own = &own;
}

static void open_read(struct run *r)
{
  open_reads(r, 0);
}

static void open_direct(struct run *r)
{
  open_reads(r, O_DIRECT);
}

static void open_read_fixed(struct run *r)
{
  open_reads(r, 0);
  struct reads *own = r->own;
  struct iovec all = { own->buffers, (size_t)r->depth * BLOCK };
  int error = io_uring_register_buffers(&r->ring, &all, 1);
  if (error)
    fail("io_uring_register_buffers", error);
  own->fixed = 1;
}

static void open_sqpoll(struct run *r)
{
  struct io_uring_params params = { .flags = IORING_SETUP_SQPOLL, .sq_thread_idle = 2000 };
  int error = io_uring_queue_init_params(128, &r->ring, &params);
  if (error)
    fail("io_uring_queue_init", error);
}

const struct workload operations[] = {
  { "nop", 1024, open_plain, nops },
  { "nop_registered_fd", 1024, open_registered, nops },
  { "read", 512, open_read, reads },
  { "read_fixed", 512, open_read_fixed, reads },
  { "direct", 32, open_direct, reads },
  { "sqpoll", 512, open_sqpoll, polled },
  { 0 },
};
