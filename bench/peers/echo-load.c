/*
 * Asks the servers of the echo: each connection sends so many bytes, awaits them all, compares them, and sends the next.
 *
 *   echo-load PORT CONNECTIONS BYTES
 *
 * Prints "ready" when all are connected and have been answered once. For every line of the standard input, a number of
 * milliseconds, asks for so long, lets all answers come in, and prints {"requests": …, "seconds": …}. Ends with the
 * standard input; with status 1 and a message when an answer is wrong or does not come.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 128
#define LIMIT_MS 10000

struct connection {
  int fd;
  unsigned received, number;
  /* What was sent; its number changes with every request. */
  char *sent;
};

static int epoll;
static unsigned count, size;
static struct connection *connections;

static _Noreturn void fail(const char *what)
{
  fprintf(stderr, "echo-load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void *memory(size_t bytes)
{
  void *found = malloc(bytes);
  if (!found)
    fail("malloc");
  return found;
}

static void watch(int fd, void *who)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = who };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
    fail("epoll_ctl");
}

static void connect_all(int port)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port) };
  connections = memory(count * sizeof *connections);
  for (unsigned i = 0; i < count; i++) {
    struct connection *c = &connections[i];
    int one = 1;
    *c = (struct connection){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .sent = memory(size) };
    for (unsigned at = 0; at < size; at++)
      c->sent[at] = at + 7 * i;
    if (c->fd < 0 || connect(c->fd, (void *)&address, sizeof address))
      fail("connect");
    if (setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
      fail("setsockopt");
    watch(c->fd, c);
  }
}

static void ask(struct connection *c)
{
  c->number++;
  c->received = 0;
  memcpy(c->sent, &c->number, sizeof c->number);
  if (send(c->fd, c->sent, size, MSG_NOSIGNAL) != (ssize_t)size)
    fail("send");
}

/* Whether all of the answer is there. */
static int hear(struct connection *c)
{
  static char bytes[65536];
  ssize_t got = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN)
    return 0;
  if (got <= 0)
    fail(got < 0 ? "recv" : "the server has ended the connection");
  errno = EPROTO;
  if (c->received + got > size || memcmp(bytes, c->sent + c->received, got))
    fail("the answer");
  c->received += got;
  return c->received == size;
}

/* Gives the number of requests that were answered. At least one for each connection. */
static unsigned long ask_until(double end)
{
  struct epoll_event events[EVENTS];
  unsigned long answered = 0;
  unsigned waiting = count;
  for (unsigned i = 0; i < count; i++)
    ask(&connections[i]);
  while (waiting > 0) {
    int ready = epoll_wait(epoll, events, EVENTS, LIMIT_MS);
    if (ready < 0 && errno == EINTR)
      continue;
    errno = ETIMEDOUT;
    if (ready <= 0)
      fail("no answer");
    int over = now() >= end;
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      /* Who has started us is gone. */
      if (!c)
        exit(0);
      if (!hear(c))
        continue;
      answered++;
      if (over)
        waiting--;
      else
        ask(c);
    }
  }
  return answered;
}

int main(int words, char **word)
{
  char line[64];
  if (words != 4) {
    fprintf(stderr, "usage: %s PORT CONNECTIONS BYTES\n", word[0]);
    return 2;
  }
  count = atoi(word[2]);
  size = atoi(word[3]);
  if (count == 0 || size < sizeof(unsigned) || size > 65536) {
    fprintf(stderr, "%s: 1 connection and 4 bytes at least, 65536 bytes at most\n", word[0]);
    return 2;
  }
  epoll = epoll_create1(EPOLL_CLOEXEC);
  connect_all(atoi(word[1]));
  ask_until(0);
  /* While it waits for a number nothing else happens; while it asks, nothing comes but the end. */
  printf("ready\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    watch(STDIN_FILENO, NULL);
    double start = now();
    unsigned long answered = ask_until(start + atoi(line) / 1e3);
    printf("{\"requests\": %lu, \"seconds\": %.6f}\n", answered, now() - start);
    fflush(stdout);
    epoll_ctl(epoll, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
  }
  return 0;
}
