/** Files of tests that say nothing about a kernel, and why. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  bench: 'measures, and compiles its peers with cc',
  kernels: 'looks at what these runs made',
  layers: 'reads the imports of the sources',
};
