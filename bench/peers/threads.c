/*
 * The workloads of bench/threads.ts: a message to the ring of another thread and back; one ring of two threads, of which
 * one submits to the kernel's thread and the other reaps.
 */
#include "bench.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VOLLEYS 64
#define OPERATIONS 16384
#define ENTRIES 256
#define BATCH 32

static struct io_uring partner;

static void prepare_message(struct io_uring *ring, int target, int value, unsigned number)
{
  struct io_uring_sqe *sqe = entry(ring);
  io_uring_prep_msg_ring(sqe, target, value, number, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, 0);
}

static void *return_messages(void *argument)
{
  struct run *r = argument;
  for (;;) {
    struct io_uring_cqe *cqe;
    int error = io_uring_wait_cqe(&partner, &cqe);
    if (error)
      fail("io_uring_wait_cqe", error);
    int value = cqe->res;
    unsigned number = cqe->user_data;
    io_uring_cqe_seen(&partner, cqe);
    prepare_message(&partner, r->ring.ring_fd, value, number);
    int taken = io_uring_submit(&partner);
    if (taken != 1)
      fail("io_uring_submit", taken);
  }
  return NULL;
}

static double volleys(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned i = 0; i < ops; i++) {
    struct io_uring_cqe *cqe;
    prepare_message(&r->ring, partner.ring_fd, i + 1, i);
    submit_and_wait(&r->ring, 1, 1);
    if (io_uring_peek_cqe(&r->ring, &cqe) || cqe->res != (int)i + 1 || cqe->user_data != i)
      fail("message", EPROTO);
    io_uring_cqe_seen(&r->ring, cqe);
  }
  return now() - start;
}

static void start(void *(*body)(void *), struct run *r)
{
  pthread_t thread;
  int error = pthread_create(&thread, NULL, body, r);
  if (error)
    fail("pthread_create", error);
}

static void open_messages(struct run *r)
{
  open_ring(&r->ring, 8, 0);
  open_ring(&partner, 8, 0);
  start(return_messages, r);
}

static _Atomic unsigned total, target;
static _Atomic unsigned long all;

static void *reap_other(void *argument)
{
  struct run *r = argument;
  unsigned long sum = 0;
  for (;;) {
    unsigned seen = reap(&r->ring, 0, &sum);
    if (!seen) {
      struct io_uring_cqe *cqe;
      io_uring_wait_cqe(&r->ring, &cqe);
      continue;
    }
    atomic_store(&all, sum);
    if (atomic_fetch_add(&total, seen) + seen == atomic_load(&target))
      syscall(SYS_futex, &total, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
  }
  return NULL;
}

static double shared(struct run *r, unsigned ops)
{
  static unsigned long expected;
  expected += (unsigned long)ops * (ops - 1) / 2;
  double start = now();
  unsigned end = atomic_fetch_add(&target, ops) + ops;
  for (unsigned i = 0; i < ops; i++) {
    struct io_uring_sqe *sqe;
    while (!(sqe = io_uring_get_sqe(&r->ring)))
      io_uring_sqring_wait(&r->ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, i);
    if (i % BATCH == BATCH - 1)
      io_uring_submit(&r->ring);
  }
  for (unsigned seen; (seen = atomic_load(&total)) != end;)
    syscall(SYS_futex, &total, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
  if (atomic_load(&all) != expected)
    fail("completions", EPROTO);
  return now() - start;
}

static void open_shared(struct run *r)
{
  struct io_uring_params params = {
    .flags = IORING_SETUP_SQPOLL | IORING_SETUP_CQSIZE,
    .cq_entries = 2 * OPERATIONS,
    .sq_thread_idle = 2000,
  };
  int error = io_uring_queue_init_params(ENTRIES, &r->ring, &params);
  if (error)
    fail("io_uring_queue_init", error);
  start(reap_other, r);
}

const struct workload threads[] = {
  { "msg_ring", VOLLEYS, open_messages, volleys },
  { "shared_ring", OPERATIONS, open_shared, shared },
  { 0 },
};
