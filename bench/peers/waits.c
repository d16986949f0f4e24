/*
 * The workloads of bench/waits.ts: waits with a time limit, whose arguments are given each time, or registered.
 */
#include "bench.h"

#define LIMIT_NS 50000000

#if LIBURING_HAS(2, 9)
#define OLDER NULL
#else
#define OLDER "liburing before 2.9 has no registered waits: the peer's are ordinary ones"
#endif

static struct __kernel_timespec limit;

static int wait_limited(struct io_uring *ring)
{
  struct io_uring_cqe *cqe;
  return io_uring_submit_and_wait_timeout(ring, &cqe, 1, &limit, NULL);
}

static int wait_registered(struct io_uring *ring)
{
#if LIBURING_HAS(2, 9)
  struct io_uring_cqe *cqe;
  return io_uring_submit_and_wait_reg(ring, &cqe, 1, 0);
#else
  return wait_limited(ring);
#endif
}

static double nops(struct run *r, unsigned ops, int (*wait)(struct io_uring *))
{
  double start = now();
  for (unsigned done = 0; done < ops; done++) {
    struct io_uring_sqe *sqe = entry(&r->ring);
    io_uring_prep_nop(sqe);
    io_uring_sqe_set_data64(sqe, 0);
    int taken = wait(&r->ring);
    if (taken < 0)
      fail("io_uring_submit_and_wait", taken);
    reap_all(&r->ring, 0, 1);
  }
  return now() - start;
}

static double in_vain(struct run *r, unsigned ops, int (*wait)(struct io_uring *))
{
  double start = now();
  for (unsigned done = 0; done < ops; done++) {
    int error = wait(&r->ring);
    if (error != -ETIME || io_uring_cq_ready(&r->ring))
      fail("io_uring_submit_and_wait", error);
  }
  return now() - start;
}

static double nop_timeout(struct run *r, unsigned ops)
{
  return nops(r, ops, wait_limited);
}

static double nop_registered_wait(struct run *r, unsigned ops)
{
  return nops(r, ops, wait_registered);
}

static double wait_timeout(struct run *r, unsigned ops)
{
  return in_vain(r, ops, wait_limited);
}

static double wait_registered_timeout(struct run *r, unsigned ops)
{
  return in_vain(r, ops, wait_registered);
}

static void open_limited(struct run *r, long long nanoseconds)
{
  limit.tv_nsec = nanoseconds;
  open_ring(&r->ring, 128, 0);
}

static void open_registered(struct run *r, long long nanoseconds)
{
#if LIBURING_HAS(2, 9)
  struct io_uring_reg_wait *wait = pages(BLOCK);
  struct io_uring_region_desc memory = {
    .user_addr = (unsigned long)wait, .size = BLOCK, .flags = IORING_MEM_REGION_TYPE_USER,
  };
  struct io_uring_mem_region_reg reg = {
    .region_uptr = (unsigned long)&memory, .flags = IORING_MEM_REGION_REG_WAIT_ARG,
  };
  open_ring(&r->ring, 128, IORING_SETUP_R_DISABLED);
  int error = io_uring_register_region(&r->ring, &reg);
  if (error)
    fail("io_uring_register_region", error);
  error = io_uring_enable_rings(&r->ring);
  if (error)
    fail("io_uring_enable_rings", error);
  wait->ts.tv_nsec = nanoseconds;
  wait->flags = IORING_REG_WAIT_TS;
#else
  open_limited(r, nanoseconds);
#endif
}

static void open_nop(struct run *r)
{
  open_limited(r, LIMIT_NS);
}

static void open_nop_registered(struct run *r)
{
  open_registered(r, LIMIT_NS);
}

static void open_in_vain(struct run *r)
{
  open_limited(r, 0);
}

static void open_in_vain_registered(struct run *r)
{
  open_registered(r, 0);
}

const struct workload waits[] = {
  { "nop_timeout", 1024, open_nop, nop_timeout },
  { "nop_registered_wait", 1024, open_nop_registered, nop_registered_wait, OLDER },
  { "wait_timeout", 128, open_in_vain, wait_timeout },
  { "wait_registered", 128, open_in_vain_registered, wait_registered_timeout, OLDER },
  { 0 },
};
