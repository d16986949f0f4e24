// What waiting for children fills in.

/** `siginfo_t` as waitid(2) fills it in; its other fields are not used there. */
export const siginfo = {
  size: 128,
  fields: {
    si_signo: [0, 4, 'signed'],
    si_errno: [4, 4, 'signed'],
    si_code: [8, 4, 'signed'],
    si_pid: [16, 4, 'signed'],
    si_uid: [20, 4],
    si_status: [24, 4, 'signed'],
  },
} as const;
