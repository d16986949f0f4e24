/*
 * The peers in C: the workloads of bench/ours.ts, step by step the same, by liburing.
 *
 *   uring WORKLOAD DEPTH MILLISECONDS [FILE BLOCKS]
 *
 * WORKLOAD is nop, read, read_fixed, direct, sqpoll or encode. Prints the median as JSON: {"ns": nanoseconds for one
 * operation}. A sample is some ten or hundred operations between two looks at the clock, as many as ours takes.
 * Ends with status 1 and a message when anything but the expected result comes back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BLOCK 4096
#define ENCODE_ENTRIES 4096
#define SPINS_BEFORE_A_LOOK 1000000

enum workload { NOP, READ, READ_FIXED, DIRECT, SQPOLL, ENCODE, WORKLOADS };
static const char *const names[WORKLOADS] = { "nop", "read", "read_fixed", "direct", "sqpoll", "encode" };

/* Operations between two looks at the clock: see SAMPLE in bench/ours.ts. */
static const unsigned sample_ops[WORKLOADS] = { 1024, 512, 512, 32, 512, ENCODE_ENTRIES };

struct run {
  struct io_uring ring;
  enum workload workload;
  unsigned depth;
  int fd;
  unsigned blocks, next;
  char *buffers;
};

static void fail(const char *what, int error)
{
  fprintf(stderr, "%s: %s\n", what, strerror(error < 0 ? -error : error));
  exit(1);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void prepare_nop(struct run *r, unsigned i)
{
  struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
  if (!sqe)
    fail("io_uring_get_sqe", EBUSY);
  io_uring_prep_nop(sqe);
  io_uring_sqe_set_data64(sqe, i);
}

static void prepare_read(struct run *r, unsigned i)
{
  struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
  char *to = r->buffers + (size_t)i * BLOCK;
  off_t at = (off_t)r->next * BLOCK;
  if (!sqe)
    fail("io_uring_get_sqe", EBUSY);
  if (r->workload == READ_FIXED)
    io_uring_prep_read_fixed(sqe, r->fd, to, BLOCK, at, 0);
  else
    io_uring_prep_read(sqe, r->fd, to, BLOCK, at);
  io_uring_sqe_set_data64(sqe, i);
  r->next = r->next + 1 == r->blocks ? 0 : r->next + 1;
}

/* Looks at every completion that is there: its result, and whose it is. */
static unsigned reap(struct run *r, int expected, unsigned long *sum)
{
  struct io_uring_cqe *cqe;
  unsigned head, count = 0;
  io_uring_for_each_cqe(&r->ring, head, cqe) {
    if (cqe->res != expected)
      fail("res", cqe->res);
    *sum += cqe->user_data;
    count++;
  }
  io_uring_cq_advance(&r->ring, count);
  return count;
}

/* Batches of `depth`, each by one io_uring_submit_and_wait. */
static void batches(struct run *r, unsigned ops)
{
  int reads = r->workload != NOP;
  for (unsigned done = 0; done < ops; done += r->depth) {
    unsigned long sum = 0, expected = (unsigned long)r->depth * (r->depth - 1) / 2;
    for (unsigned i = 0; i < r->depth; i++) {
      if (reads)
        prepare_read(r, i);
      else
        prepare_nop(r, i);
    }
    int taken = io_uring_submit_and_wait(&r->ring, r->depth);
    if (taken != (int)r->depth)
      fail("io_uring_submit_and_wait", taken);
    if (reap(r, reads ? BLOCK : 0, &sum) != r->depth || sum != expected)
      fail("completions", EPROTO);
  }
}

/* The same by polling: the kernel's thread is awake, so no system call is made. */
static void polled(struct run *r, unsigned ops)
{
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
      seen += reap(r, 0, &sum);
      if (spins > 0 && spins % SPINS_BEFORE_A_LOOK == 0)
        io_uring_submit(&r->ring);
    }
    if (sum != expected)
      fail("completions", EPROTO);
  }
}

/* Fills the whole queue; only that is timed. The reads name no file, so they complete at once. */
static double encode(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned i = 0; i < ops; i++)
    prepare_read(r, 0);
  double elapsed = now() - start;
  unsigned long sum = 0;
  int taken = io_uring_submit_and_wait(&r->ring, ops);
  if (taken != (int)ops)
    fail("io_uring_submit_and_wait", taken);
  if (reap(r, -EBADF, &sum) != ops)
    fail("completions", EPROTO);
  return elapsed;
}

static double sample(struct run *r)
{
  unsigned ops = sample_ops[r->workload];
  if (ops < r->depth)
    ops = r->depth;
  if (r->workload == ENCODE)
    return encode(r, ops) / ops;
  double start = now();
  if (r->workload == SQPOLL)
    polled(r, ops);
  else
    batches(r, ops);
  return (now() - start) / ops;
}

static void open_ring(struct run *r)
{
  struct io_uring_params params = { 0 };
  if (r->workload == SQPOLL) {
    params.flags = IORING_SETUP_SQPOLL;
    params.sq_thread_idle = 2000;
  }
  if (r->workload == ENCODE)
    params.flags = IORING_SETUP_SUBMIT_ALL;
  int error = io_uring_queue_init_params(r->workload == ENCODE ? ENCODE_ENTRIES : 128, &r->ring, &params);
  if (error)
    fail("io_uring_queue_init", error);
  error = posix_memalign((void **)&r->buffers, BLOCK, (size_t)r->depth * BLOCK);
  if (error)
    fail("posix_memalign", error);
  memset(r->buffers, 1, (size_t)r->depth * BLOCK);
  struct iovec all = { r->buffers, (size_t)r->depth * BLOCK };
  if (r->workload == READ_FIXED && (error = io_uring_register_buffers(&r->ring, &all, 1)))
    fail("io_uring_register_buffers", error);
}

int main(int count, char **words)
{
  struct run run = { .fd = -1, .blocks = 1 };
  if (count != 4 && count != 6) {
    fprintf(stderr, "usage: %s WORKLOAD DEPTH MILLISECONDS [FILE BLOCKS]\n", words[0]);
    return 2;
  }
  while (run.workload < WORKLOADS && strcmp(names[run.workload], words[1]))
    run.workload++;
  if (run.workload == WORKLOADS) {
    fprintf(stderr, "%s: no such workload\n", words[1]);
    return 2;
  }
  run.depth = atoi(words[2]);
  if (count == 6) {
    run.blocks = atoi(words[5]);
    run.fd = open(words[4], O_RDONLY | (run.workload == DIRECT ? O_DIRECT : 0));
    if (run.fd < 0)
      fail(words[4], errno);
  }
  open_ring(&run);

  double end = now() + atof(words[3]) * 1e6;
  size_t samples = 0, room = 1 << 16;
  double *medians = malloc(room * sizeof *medians);
  sample(&run); /* The first touches pages, ours and the kernel's. */
  do {
    medians[samples++] = sample(&run);
  } while (now() < end && samples < room);
  qsort(medians, samples, sizeof *medians, compare);
  printf("{\"ns\": %.3f}\n", medians[samples / 2]);
  return 0;
}
