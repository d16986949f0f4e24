/**
 * Which limit was met when io_uring_setup(2) ran out of something. Pure functions of the facts.
 */
import { bytesText, type SystemFacts } from './facts.ts';

/** The fix for ENOMEM of a ring that wanted `bytes` of locked memory. */
export function explainMemory({ memlock, ipcLock }: SystemFacts, bytes: number): string {
  const wanted = bytesText(bytes);
  if (ipcLock === true || memlock?.soft === Infinity)
    return `The kernel or the memory cgroup is out of memory, and this ring wants ${wanted}: ask for fewer entries or give it more.`;
  if (memlock === undefined)
    return `This ring wants ${wanted} of locked memory, more than is left of RLIMIT_MEMLOCK: raise it (\`ulimit -l\`) or ask for fewer entries.`;
  const raise = 'raise it (`ulimit -l`, LimitMEMLOCK= of systemd, `--ulimit memlock=` of Docker)';
  const limit = `RLIMIT_MEMLOCK is ${bytesText(memlock.soft)}`;
  if (bytes > memlock.soft)
    return `${limit} and this ring wants ${wanted} of locked memory: ${raise}, ask for fewer entries, or run with CAP_IPC_LOCK.`;
  return `${limit}, this ring wants ${wanted} of locked memory and other rings and registered buffers of this user hold the rest: ${raise}, close some, or ask for fewer entries.`;
}

/** The fix for EMFILE. */
export function explainDescriptors({ nofile }: SystemFacts): string | undefined {
  if (nofile === undefined) return undefined;
  return `All ${nofile.soft} descriptors that RLIMIT_NOFILE allows are open: close some or raise it (\`ulimit -n\`).`;
}

/** The fix for ENFILE, where `fileMax` is fs.file-max as it reads. */
export function explainFiles(fileMax: string | undefined): string | undefined {
  if (fileMax === undefined) return undefined;
  return `All ${fileMax.trim()} files that the sysctl fs.file-max allows are open: close some or raise it.`;
}

/** The fix for EAGAIN: no thread for SQPOLL. */
export function explainThreads({ nproc }: SystemFacts): string | undefined {
  if (nproc === undefined || nproc.soft === Infinity) return undefined;
  return `No SQPOLL thread could start: raise RLIMIT_NPROC, which is ${nproc.soft} (\`ulimit -u\`), or the pids limit of the cgroup, or leave out SQPOLL.`;
}
