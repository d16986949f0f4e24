/*
 * The workload of bench/engine-durable.ts: a write of 4 KiB and, linked behind it, an fsync; in `depth` files at once,
 * each followed by the next as soon as it is done. What was written last is compared with the file; that is not timed.
 */
#include "bench.h"
#include <fcntl.h>
#include <unistd.h>

/* Of each file, and in it one after the other. As in bench/engine-durable.ts. */
#define ROUNDS 4
#define MOST 16
/* In the user data of writes: those of fsyncs are the file's number alone. */
#define WRITE 1000

struct files {
  int fds[MOST];
  char *buffers[MOST];
  unsigned next[MOST], stamp;
};

static void start_write(struct run *r, unsigned file)
{
  struct files *f = r->own;
  struct io_uring_sqe *sqe = entry(&r->ring);
  memcpy(f->buffers[file], &f->stamp, sizeof f->stamp);
  f->stamp++;
  f->next[file] = f->next[file] + 1 == r->blocks ? 0 : f->next[file] + 1;
  io_uring_prep_write(sqe, f->fds[file], f->buffers[file], BLOCK, (off_t)f->next[file] * BLOCK);
  io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
  io_uring_sqe_set_data64(sqe, WRITE + file);
  sqe = entry(&r->ring);
  io_uring_prep_fsync(sqe, f->fds[file], 0);
  io_uring_sqe_set_data64(sqe, file);
}

static void verify(struct run *r)
{
  struct files *f = r->own;
  char block[BLOCK];
  for (unsigned file = 0; file < r->depth; file++) {
    if (pread(f->fds[file], block, BLOCK, (off_t)f->next[file] * BLOCK) != BLOCK)
      fail("pread", errno);
    if (memcmp(block, f->buffers[file], BLOCK))
      fail("bytes", EPROTO);
  }
}

static double durable(struct run *r, unsigned ops)
{
  unsigned started = 0, staged, done = 0;
  double begin = now(), elapsed;
  while (started < r->depth)
    start_write(r, started++);
  staged = started;
  while (done < ops) {
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    submit_and_wait(&r->ring, 2 * staged, 1);
    staged = 0;
    io_uring_for_each_cqe(&r->ring, head, cqe) {
      seen++;
      if (cqe->res != (cqe->user_data >= WRITE ? BLOCK : 0))
        fail("res", cqe->res);
      if (cqe->user_data >= WRITE)
        continue;
      done++;
      if (started < ops) {
        start_write(r, cqe->user_data);
        started++;
        staged++;
      }
    }
    io_uring_cq_advance(&r->ring, seen);
  }
  elapsed = now() - begin;
  verify(r);
  return elapsed;
}

/* The files are those of ours: the path and a number, each of so many blocks. */
static void open_durable(struct run *r)
{
  static struct files files;
  struct files *f = r->own = &files;
  if (r->depth > MOST)
    fail("depth", EINVAL);
  open_engine_ring(&r->ring, 2 * MOST);
  for (unsigned file = 0; file < r->depth; file++) {
    char path[4096];
    snprintf(path, sizeof path, "%s%u", r->path, file);
    f->fds[file] = open(path, O_RDWR);
    if (f->fds[file] < 0)
      fail(path, errno);
    f->buffers[file] = malloc(BLOCK);
    if (!f->buffers[file])
      fail("malloc", ENOMEM);
    memset(f->buffers[file], 1, BLOCK);
  }
}

const struct workload durables[] = {
  { "durable_1", ROUNDS, open_durable, durable },
  { "durable_16", ROUNDS * MOST, open_durable, durable },
  { 0 },
};
