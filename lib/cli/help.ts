/** What `tsuring --help` prints. */
export const HELP = `Usage: tsuring COMMAND [ARGUMENT…]

io_uring from Node.js.

Commands:
  sum      print SHA-256 sums of files, read through an io_uring
  doctor   tell what io_uring offers on this system, and what stands in the way

Options:
  -h, --help      print this text; after a command, that of the command
  -V, --version   print the version

The exit status is 0 when all was well, 1 when something failed, 2 for wrong usage.
`;
