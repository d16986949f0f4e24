/*
 * The workloads of bench/receive.ts: messages of 64 bytes through a pair of sockets, received by one request for each,
 * or by one that goes on and takes a provided buffer for each. A batch of messages is sent at once, by the same ring
 * and the same system call that waits for them.
 */
#include "bench.h"
#include <sys/socket.h>

#define MESSAGE 64
#define SAMPLE 512
#define GROUP 0
/* User data of the send, and of the receive that goes on; that of the others is their number. */
#define SENT 1000
#define RECEIVED 1001

struct scene {
  int from, to;
  char *sent, *bytes;
  struct io_uring_buf_ring *buffers;
  int mask;
  unsigned received;
};

static void prepare_send(struct run *r)
{
  struct scene *s = r->own;
  struct io_uring_sqe *sqe = entry(&r->ring);
  io_uring_prep_send(sqe, s->from, s->sent, r->depth * MESSAGE, 0);
  io_uring_sqe_set_data64(sqe, SENT);
}

/* Submits, and sees the completions of the batch: the send's and one for each message, in their order. */
static void finish(struct run *r, unsigned submitted)
{
  struct scene *s = r->own;
  struct io_uring_cqe *cqe;
  unsigned head, count = 0, given = 0;
  s->received = 0;
  submit_and_wait(&r->ring, submitted, r->depth + 1);
  io_uring_for_each_cqe(&r->ring, head, cqe) {
    count++;
    if (cqe->user_data == SENT) {
      if (cqe->res != (int)r->depth * MESSAGE)
        fail("send", cqe->res);
      continue;
    }
    unsigned id = s->buffers ? cqe->flags >> IORING_CQE_BUFFER_SHIFT : cqe->user_data;
    unsigned wanted = IORING_CQE_F_BUFFER | IORING_CQE_F_MORE;
    if (s->buffers && (cqe->flags & wanted) != wanted)
      fail("flags", cqe->res);
    if (cqe->res != MESSAGE || s->bytes[(size_t)id * MESSAGE] != (char)s->received++)
      fail("recv", cqe->res);
    if (s->buffers)
      io_uring_buf_ring_add(s->buffers, s->bytes + (size_t)id * MESSAGE, MESSAGE, id, s->mask, given++);
  }
  io_uring_cq_advance(&r->ring, count);
  if (count != r->depth + 1)
    fail("completions", EPROTO);
  if (s->buffers)
    io_uring_buf_ring_advance(s->buffers, given);
}

static double single_shot(struct run *r, unsigned ops)
{
  struct scene *s = r->own;
  double start = now();
  for (unsigned done = 0; done < ops; done += r->depth) {
    prepare_send(r);
    for (unsigned i = 0; i < r->depth; i++) {
      struct io_uring_sqe *sqe = entry(&r->ring);
      io_uring_prep_recv(sqe, s->to, s->bytes + (size_t)i * MESSAGE, MESSAGE, 0);
      io_uring_sqe_set_data64(sqe, i);
    }
    finish(r, r->depth + 1);
  }
  return now() - start;
}

static double multishot(struct run *r, unsigned ops)
{
  double start = now();
  for (unsigned done = 0; done < ops; done += r->depth) {
    prepare_send(r);
    finish(r, 1);
  }
  return now() - start;
}

static void open_single_shot(struct run *r)
{
  static struct scene scene;
  int fds[2];
  open_ring(&r->ring, 128, 0);
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
    fail("socketpair", errno);
  scene = (struct scene){ .from = fds[0], .to = fds[1] };
  scene.sent = pages((size_t)r->depth * MESSAGE);
  scene.bytes = pages((size_t)r->depth * MESSAGE);
  for (unsigned i = 0; i < r->depth; i++)
    scene.sent[(size_t)i * MESSAGE] = i;
  r->own = &scene;
}

static void open_multishot(struct run *r)
{
  open_single_shot(r);
  struct scene *s = r->own;
  unsigned entries = 2 * r->depth;
  s->bytes = pages((size_t)entries * MESSAGE);
  s->buffers = pages(entries * sizeof(struct io_uring_buf));
  s->mask = io_uring_buf_ring_mask(entries);
  struct io_uring_buf_reg reg = { .ring_addr = (unsigned long)s->buffers, .ring_entries = entries, .bgid = GROUP };
  int error = io_uring_register_buf_ring(&r->ring, &reg, 0);
  if (error)
    fail("io_uring_register_buf_ring", error);
  io_uring_buf_ring_init(s->buffers);
  for (unsigned id = 0; id < entries; id++)
    io_uring_buf_ring_add(s->buffers, s->bytes + (size_t)id * MESSAGE, MESSAGE, id, s->mask, id);
  io_uring_buf_ring_advance(s->buffers, entries);
  struct io_uring_sqe *sqe = entry(&r->ring);
  io_uring_prep_recv_multishot(sqe, s->to, NULL, 0, 0);
  sqe->flags |= IOSQE_BUFFER_SELECT;
  sqe->buf_group = GROUP;
  io_uring_sqe_set_data64(sqe, RECEIVED);
  submit_and_wait(&r->ring, 1, 0);
}

const struct workload receives[] = {
  { "recv", SAMPLE, open_single_shot, single_shot },
  { "recv_multishot", SAMPLE, open_multishot, multishot },
  { 0 },
};
