/** Files of tests that do not run in the machines, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  bench: 'measures, and compiles its peers with cc',
  kernels: 'looks at what these runs made',
  layers: 'reads the imports of the sources',
};

/** And those that run as root only. */
export const ROOT_ONLY: Readonly<Record<string, string>> = {
  cli: 'starts some sixty processes, each of which takes seconds, and asks little of the kernel',
};

/** Files that need a process of their own: they watch what its memory does, which hangs on how V8 has compiled what
 * others have called before, or leave rings of Workers behind where these stay (mapped views). */
export const ALONE: readonly string[] = [
  'args-reuse',
  'engine-soak',
  'engine-workers',
  'fs-workers',
  'late-writes',
  'lifetimes',
  'soak',
  'workers',
];
