/*
 * The peers in C: the workloads of bench/ours.ts and bench/threads.ts, step by step the same, by liburing; and those of
 * bench/engine-reads.ts and bench/engine-durable.ts.
 *
 *   uring WORKLOAD DEPTH MILLISECONDS [FILE BLOCKS]
 *
 * Prints the median as JSON: {"ns": nanoseconds for one operation}, and a "note" where liburing is too old to do the
 * same. A sample is some ten or hundred operations between two looks at the clock, as many as ours takes. Ends with
 * status 1 and a message when anything but the expected result comes back.
 */
#include "bench.h"

static const struct workload *const tables[] = {
  operations, encodes, waits, recycles, receives, threads, lanes, durables,
};

static const struct workload *find(const char *name)
{
  for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++)
    for (const struct workload *w = tables[i]; w->name; w++)
      if (!strcmp(w->name, name))
        return w;
  return NULL;
}

static int compare(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int count, char **words)
{
  /* Static: the other threads of some use it until the process is gone. */
  static struct run run = { .blocks = 1 };
  if (count != 4 && count != 6) {
    fprintf(stderr, "usage: %s WORKLOAD DEPTH MILLISECONDS [FILE BLOCKS]\n", words[0]);
    return 2;
  }
  run.workload = find(words[1]);
  if (!run.workload) {
    fprintf(stderr, "%s: no such workload\n", words[1]);
    return 2;
  }
  run.depth = atoi(words[2]);
  if (count == 6) {
    run.path = words[4];
    run.blocks = atoi(words[5]);
  }
  run.workload->open(&run);

  unsigned ops = run.workload->ops < run.depth ? run.depth : run.workload->ops;
  double end = now() + atof(words[3]) * 1e6;
  size_t samples = 0, room = 1 << 16;
  double *medians = malloc(room * sizeof *medians);
  run.workload->sample(&run, ops); /* The first touches pages, ours and the kernel's. */
  do {
    medians[samples++] = run.workload->sample(&run, ops) / ops;
  } while (now() < end && samples < room);
  qsort(medians, samples, sizeof *medians, compare);
  printf("{\"ns\": %.3f", medians[samples / 2]);
  if (run.workload->note)
    printf(", \"note\": \"%s\"", run.workload->note);
  printf("}\n");
  return 0;
}
