/*
 * The workload of bench/recycle.ts: giving buffers back, `depth` of them with one store of the tail. The kernel takes
 * none of them.
 */
#include "bench.h"

#define BUFFERS 4096
#define SIZE 64

struct group {
  struct io_uring_buf_ring *entries;
  char *buffers;
};

static double recycle(struct run *r, unsigned ops)
{
  struct group *g = r->own;
  int mask = io_uring_buf_ring_mask(BUFFERS);
  unsigned short before = g->entries->tail;
  double start = now();
  for (unsigned id = 0; id < ops; id += r->depth) {
    for (unsigned i = 0; i < r->depth; i++)
      io_uring_buf_ring_add(g->entries, g->buffers + (size_t)(id + i) * SIZE, SIZE, id + i, mask, i);
    io_uring_buf_ring_advance(g->entries, r->depth);
  }
  double elapsed = now() - start;
  if ((unsigned short)(g->entries->tail - before) != ops)
    fail("tail", EPROTO);
  return elapsed;
}

static void open_group(struct run *r)
{
  static struct group group;
  open_ring(&r->ring, 1, 0);
  group.entries = pages(BUFFERS * sizeof(struct io_uring_buf));
  group.buffers = pages(BUFFERS * SIZE);
  struct io_uring_buf_reg reg = { .ring_addr = (unsigned long)group.entries, .ring_entries = BUFFERS };
  int error = io_uring_register_buf_ring(&r->ring, &reg, 0);
  if (error)
    fail("io_uring_register_buf_ring", error);
  io_uring_buf_ring_init(group.entries);
  r->own = &group;
}

const struct workload recycles[] = {
  { "recycle", BUFFERS, open_group, recycle },
  { 0 },
};
