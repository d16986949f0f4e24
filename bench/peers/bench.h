/*
 * What the peers in C have in common. Each file has a table of workloads, which bench/peers/uring.c runs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 4096

/* Since 2.4 the headers tell their version: whether it is at least this one. */
#ifdef IO_URING_CHECK_VERSION
#define LIBURING_HAS(major, minor) !IO_URING_CHECK_VERSION(major, minor)
#else
#define LIBURING_HAS(major, minor) 0
#endif

struct workload;

struct run {
  struct io_uring ring;
  const struct workload *workload;
  unsigned depth;
  /* What it reads, if it reads: a file of so many blocks. */
  const char *path;
  unsigned blocks;
  /* The workload's own. */
  void *own;
};

struct workload {
  const char *name;
  /* Operations between two looks at the clock: as many as ours takes. */
  unsigned ops;
  void (*open)(struct run *);
  /* Makes `ops` operations. Gives nanoseconds, of the part that counts. */
  double (*sample)(struct run *, unsigned ops);
  /* What could not be done as ours does it. */
  const char *note;
};

/* Each ends with one without a name. */
extern const struct workload operations[], encodes[], waits[], recycles[], receives[], threads[], lanes[], durables[];

static inline _Noreturn void fail(const char *what, int error)
{
  fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
  exit(1);
}

static inline double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Gives zeroed memory from a page boundary on. */
static inline void *pages(size_t bytes)
{
  void *memory;
  int error = posix_memalign(&memory, BLOCK, bytes);
  if (error)
    fail("posix_memalign", error);
  return memset(memory, 0, bytes);
}

static inline void open_ring(struct io_uring *ring, unsigned entries, unsigned flags)
{
  struct io_uring_params params = { .flags = flags };
  int error = io_uring_queue_init_params(entries, ring, &params);
  if (error)
    fail("io_uring_queue_init", error);
}

/* With the flags that the engine takes: completions are brought in only when they are asked for (Linux 6.1). */
static inline void open_engine_ring(struct io_uring *ring, unsigned entries)
{
#ifdef IORING_SETUP_DEFER_TASKRUN
  struct io_uring_params params = {
    .flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
  };
  if (!io_uring_queue_init_params(entries, ring, &params))
    return;
#endif
  open_ring(ring, entries, 0);
}

static inline struct io_uring_sqe *entry(struct io_uring *ring)
{
  struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
  if (!sqe)
    fail("io_uring_get_sqe", EBUSY);
  return sqe;
}

/* Looks at every completion that is there: its result, and whose it is. */
static inline unsigned reap(struct io_uring *ring, int expected, unsigned long *sum)
{
  struct io_uring_cqe *cqe;
  unsigned head, count = 0;
  io_uring_for_each_cqe(ring, head, cqe) {
    if (cqe->res != expected)
      fail("res", cqe->res);
    *sum += cqe->user_data;
    count++;
  }
  io_uring_cq_advance(ring, count);
  return count;
}

/* All `count` completions must be there, of user data from 0 on. */
static inline void reap_all(struct io_uring *ring, int expected, unsigned count)
{
  unsigned long sum = 0;
  if (reap(ring, expected, &sum) != count || sum != (unsigned long)count * (count - 1) / 2)
    fail("completions", EPROTO);
}

static inline void submit_and_wait(struct io_uring *ring, unsigned submitted, unsigned awaited)
{
  int taken = io_uring_submit_and_wait(ring, awaited);
  if (taken != (int)submitted)
    fail("io_uring_submit_and_wait", taken);
}
