/**
 * Which operations and registrations came with which kernel, as the reports of `tsuring doctor` tell it.
 */
import type { DoctorReport } from '../../lib/doctor/report.ts';

export interface News {
  /** '6.12'. */
  readonly series: string;
  /** What the kernel has and those before it in the list have not, by constants' names, in the order of their numbers. */
  readonly operations: readonly string[];
  readonly registrations: readonly string[];
}

/** `reports`: by line of Linux, the oldest first. */
export function newsOf(reports: readonly (readonly [series: string, report: DoctorReport])[]): News[] {
  const known = new Set<string>();
  const fresh = (rows: readonly { readonly name: string | null; readonly supported: boolean | null }[]) => {
    const names = rows.flatMap(({ name, supported }) =>
      supported && name !== null && !known.has(name) ? [name] : [],
    );
    for (const name of names) known.add(name);
    return names;
  };
  return reports.map(([series, { opcodes, registerOpcodes }]) => ({
    series,
    operations: fresh(opcodes),
    registrations: fresh(registerOpcodes),
  }));
}
