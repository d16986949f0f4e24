/*
 * The reads of bench/engine-reads.ts: `depth` of them in flight, each followed by the next as soon as it is there. What the
 * last ones have read is compared with the file; that is not timed.
 */
#include "bench.h"
#include <fcntl.h>
#include <unistd.h>

#define CACHED 512
#define DIRECT 256

struct lanes {
  /* What is read, and the same file through the cache. */
  int fd, cached;
  int fixed;
  unsigned next;
  char *buffers[128];
  /* The block that each has read last. */
  unsigned blocks[128];
};

static void start_read(struct run *r, unsigned lane)
{
  struct lanes *l = r->own;
  struct io_uring_sqe *sqe = entry(&r->ring);
  off_t at = (off_t)l->next * BLOCK;
  if (l->fixed)
    io_uring_prep_read_fixed(sqe, l->fd, l->buffers[lane], BLOCK, at, 0);
  else
    io_uring_prep_read(sqe, l->fd, l->buffers[lane], BLOCK, at);
  io_uring_sqe_set_data64(sqe, lane);
  l->blocks[lane] = l->next;
  l->next = l->next + 1 == r->blocks ? 0 : l->next + 1;
}

static void verify(struct run *r)
{
  struct lanes *l = r->own;
  char block[BLOCK];
  for (unsigned lane = 0; lane < r->depth; lane++) {
    if (pread(l->cached, block, BLOCK, (off_t)l->blocks[lane] * BLOCK) != BLOCK)
      fail("pread", errno);
    if (memcmp(block, l->buffers[lane], BLOCK))
      fail("bytes", EPROTO);
  }
}

static double lanes_sample(struct run *r, unsigned ops)
{
  unsigned started = 0, staged, done = 0;
  double begin = now(), elapsed;
  while (started < r->depth)
    start_read(r, started++);
  staged = started;
  while (done < ops) {
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    submit_and_wait(&r->ring, staged, 1);
    staged = 0;
    io_uring_for_each_cqe(&r->ring, head, cqe) {
      if (cqe->res != BLOCK)
        fail("res", cqe->res);
      seen++;
      if (started < ops) {
        start_read(r, cqe->user_data);
        started++;
        staged++;
      }
    }
    io_uring_cq_advance(&r->ring, seen);
    done += seen;
  }
  elapsed = now() - begin;
  verify(r);
  return elapsed;
}

static void open_lanes(struct run *r, int flags, int fixed)
{
  static struct lanes lanes;
  struct lanes *l = r->own = &lanes;
  if (r->depth > 128)
    fail("depth", EINVAL);
  open_engine_ring(&r->ring, 128);
  l->fixed = fixed;
  l->fd = open(r->path, O_RDONLY | flags);
  l->cached = open(r->path, O_RDONLY);
  if (l->fd < 0 || l->cached < 0)
    fail(r->path, errno);
  struct iovec all = { fixed ? pages((size_t)r->depth * BLOCK) : NULL, (size_t)r->depth * BLOCK };
  for (unsigned lane = 0; lane < r->depth; lane++) {
    /* Plain memory is as malloc gives it, as that of a plain Buffer is. */
    l->buffers[lane] = fixed ? (char *)all.iov_base + (size_t)lane * BLOCK : malloc(BLOCK);
    if (!l->buffers[lane])
      fail("malloc", ENOMEM);
    memset(l->buffers[lane], 1, BLOCK);
  }
  if (!fixed)
    return;
  int error = io_uring_register_buffers(&r->ring, &all, 1);
  if (error)
    fail("io_uring_register_buffers", error);
}

static void open_plain(struct run *r)
{
  open_lanes(r, 0, 0);
}

static void open_fixed(struct run *r)
{
  open_lanes(r, 0, 1);
}

static void open_direct(struct run *r)
{
  open_lanes(r, O_DIRECT, 1);
}

const struct workload lanes[] = {
  { "lanes_plain", CACHED, open_plain, lanes_sample },
  { "lanes_arena", CACHED, open_fixed, lanes_sample },
  { "lanes_direct", DIRECT, open_direct, lanes_sample },
  { 0 },
};
