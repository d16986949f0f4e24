/*
 * A server that sends back what it receives: one thread, epoll, level-triggered. The peer of bench/engine-echo-*.ts.
 *
 *   epoll
 *
 * Prints its port on 127.0.0.1. For every byte that comes on the standard input prints the microseconds of processor time
 * that it has taken so far; ends with the standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 128

static _Noreturn void fail(const char *what)
{
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int listen_anywhere(void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t length = sizeof address;
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* The connections inherit it. */
  if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one))
    fail("socket");
  if (bind(fd, (void *)&address, sizeof address) || listen(fd, 511))
    fail("listen");
  if (getsockname(fd, (void *)&address, &length))
    fail("getsockname");
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void watch(int epoll, int fd)
{
  struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
    fail("epoll_ctl");
}

static void accept_all(int epoll, int listener)
{
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
    watch(epoll, fd);
  if (errno != EAGAIN)
    fail("accept");
}

static void tell(void)
{
  char bytes[64];
  struct rusage usage;
  ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
  if (count <= 0)
    exit(0);
  getrusage(RUSAGE_SELF, &usage);
  long long seconds = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec;
  long long rest = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  while (count--)
    printf("%lld\n", seconds * 1000000 + rest);
  fflush(stdout);
}

/* There is something to read. Whoever sends waits for the answer, so that it always finds room. */
static void echo(int fd)
{
  static char bytes[16384];
  ssize_t count = recv(fd, bytes, sizeof bytes, 0);
  if (count <= 0) {
    close(fd);
    return;
  }
  if (send(fd, bytes, count, MSG_NOSIGNAL) != count)
    close(fd);
}

int main(void)
{
  struct epoll_event events[EVENTS];
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_anywhere();
  watch(epoll, listener);
  watch(epoll, STDIN_FILENO);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    if (count < 0 && errno != EINTR)
      fail("epoll_wait");
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener)
        accept_all(epoll, listener);
      else if (fd == STDIN_FILENO)
        tell();
      else
        echo(fd);
    }
  }
}
