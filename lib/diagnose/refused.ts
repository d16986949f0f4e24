/**
 * Why io_uring_setup(2) is refused as a whole: there is no io_uring here (ENOSYS), or we may not use it (EPERM). Pure
 * functions of the facts, so that systems can be explained that are not at hand.
 */
import { isAtLeast, type SystemFacts } from './facts.ts';

const ALLOW_CALLS =
  'allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile (Docker: `--security-opt seccomp=PROFILE`)';

/** The fix for ENOSYS. */
export function explainMissing(facts: SystemFacts): string {
  const { release } = facts;
  if (isGvisor(facts))
    return 'This is gVisor, which has no io_uring: run it in an ordinary (runc) container.';
  if (/microsoft/i.test(release) && isAtLeast(release, 5, 1) === false)
    return 'This is WSL 1, which has no io_uring: change to WSL 2 (`wsl --set-version DISTRIBUTION 2`).';
  if (isAtLeast(release, 5, 1) === false)
    return `Linux ${release} is too old for io_uring: run Linux 5.1 or later, best 6.1 or later.`;
  if (facts.ioUringDisabled !== undefined)
    return `This kernel has io_uring, but a seccomp filter hides it: ${ALLOW_CALLS}.`;
  if (facts.hasSysctls && isAtLeast(release, 6, 6) === true)
    return `Linux ${release} was built without io_uring: run a kernel with CONFIG_IO_URING=y.`;
  if (facts.seccompMode === 2)
    return `Either a seccomp filter (one is active) hides io_uring or Linux ${release} was built without it: ${ALLOW_CALLS}, or run a kernel with CONFIG_IO_URING=y.`;
  return `Linux ${release} was built without io_uring, or an emulator hides it: run a kernel with CONFIG_IO_URING=y.`;
}

/** The fix for EPERM, or undefined when nothing is known that would cause it. */
export function explainPermission(facts: SystemFacts): string | undefined {
  const { ioUringDisabled, ioUringGroup, seccompMode } = facts;
  if (ioUringDisabled === 2)
    return 'The sysctl kernel.io_uring_disabled is 2, which forbids io_uring to every process: as root of the host set it to 0 (`sysctl -w kernel.io_uring_disabled=0`).';
  if (ioUringDisabled === 1 && facts.sysAdmin !== true && !facts.inGroup)
    return `The sysctl kernel.io_uring_disabled is 1, which allows io_uring only with CAP_SYS_ADMIN or in the group kernel.io_uring_group (${groupText(ioUringGroup)}): as root of the host set it to 0, or give this process that group or capability.`;
  if (seccompMode === 2)
    return `A seccomp filter forbids io_uring, as the default one of Docker does: ${ALLOW_CALLS}.`;
  return undefined;
}

/** gVisor's kernel calls itself 4.4.0 or 4.19.0-gvisor, and was always "built" in the same minute. */
export function isGvisor({ release, version }: Pick<SystemFacts, 'release' | 'version'>): boolean {
  return /gvisor/i.test(release) || version.includes('Sun Jan 10 15:06:54 PST 2016');
}

function groupText(group: number | undefined): string {
  return group === undefined || group < 0 ? 'now -1, no group' : `now ${group}`;
}
