/**
 * What this system offers of io_uring, as one object: everything is tried, nothing is taken from version numbers.
 */
import * as setup from '../../syscalls/constants/setup.ts';
import { version } from '../cli/version.ts';
import { type Limit, type SystemFacts, systemFacts } from '../diagnose/facts.ts';
import { flagNames, SETUP_FLAGS } from '../diagnose/flags.ts';
import { tryFlag } from '../diagnose/trial.ts';
import { obstaclesOf } from './obstacles.ts';
import { type OpcodeReport, opcodesReport } from './opcodes.ts';
import { codeOf } from './outcome.ts';
import {
  type QueryReport,
  queryReport,
  type RegisterOpcodeReport,
  registerOpcodesReport,
} from './register-opcodes.ts';
import { type RingReport, ringReport } from './ring.ts';
import { type SystemReport, systemReport } from './system.ts';

/**
 * The report as `tsuring doctor --json` prints it. Members are only ever added; `schema` changes when one goes or
 * changes its meaning. What could not be found out is null.
 */
export interface DoctorReport {
  readonly schema: 1;
  /** The version of this package. */
  readonly tsuring: string;
  /** Whether a ring can be made and a NOP sent through it. */
  readonly ok: boolean;
  /** What stands in the way of something, each with what to do. */
  readonly obstacles: readonly string[];
  readonly system: SystemReport;
  readonly ring: RingReport;
  readonly setupFlags: readonly SetupFlagReport[];
  readonly features: readonly FeatureReport[];
  readonly opcodes: readonly OpcodeReport[];
  readonly registerOpcodes: readonly RegisterOpcodeReport[];
  readonly query: QueryReport | null;
  readonly limits: LimitsReport;
}

/** A setup flag; `supported` is null when it could not be tried. */
export interface SetupFlagReport {
  readonly name: string;
  readonly value: number;
  /** The first Linux that has it. */
  readonly since: string;
  /** The flags that it was tried with. */
  readonly with: readonly string[];
  readonly supported: boolean | null;
  readonly code: string | null;
}

/** A feature; `name` is null for one newer than this package, `supported` when no ring could be made. */
export interface FeatureReport {
  readonly name: string | null;
  readonly value: number;
  readonly supported: boolean | null;
}

/** The limits that io_uring meets; null inside a limit means that there is none. */
export interface LimitsReport {
  /** Bytes. */
  readonly memlock: LimitReport | null;
  readonly nofile: LimitReport | null;
  /** The sysctls kernel.io_uring_disabled and kernel.io_uring_group. */
  readonly ioUringDisabled: number | null;
  readonly ioUringGroup: number | null;
  /** 0 none, 1 strict, 2 a filter. */
  readonly seccompMode: number | null;
  /** Whether the process has these capabilities where io_uring asks for them. */
  readonly capSysAdmin: boolean | null;
  readonly capIpcLock: boolean | null;
}

/** A resource limit; null is unlimited. */
export interface LimitReport {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** Looks at everything. Makes some sixty rings and closes them; never throws and leaves nothing behind. */
export function doctorReport(): DoctorReport {
  const system = systemReport();
  const ring = ringReport();
  const facts = systemFacts();
  const query = queryReport();
  return {
    schema: 1,
    tsuring: version(),
    ok: ring.plain.ok,
    obstacles: obstaclesOf(ring, facts),
    system,
    ring,
    setupFlags: setupFlagsReport(ring.plain.ok),
    features: featuresReport(ring.features),
    opcodes: opcodesReport(ring.plain.ok),
    registerOpcodes: registerOpcodesReport(query, ring.plain.ok),
    query,
    limits: limitsReport(facts),
  };
}

function setupFlagsReport(possible: boolean): SetupFlagReport[] {
  return SETUP_FLAGS.map((flag) => {
    const { name, value, since, needs } = flag;
    const result = possible ? tryFlag(flag) : undefined;
    return {
      name,
      value,
      since,
      with: flagNames(needs),
      supported: result === undefined ? null : result === 0,
      code: result === undefined ? null : codeOf(result),
    };
  });
}

function featuresReport(features: number | null): FeatureReport[] {
  const supported = (value: number) => (features === null ? null : (features & value) !== 0);
  const known = FEATURES.map(([name, value]) => ({ name, value, supported: supported(value) }));
  const names = new Set(FEATURES.map(([, value]) => value));
  const newer = Array.from({ length: 32 }, (_, bit) => (1 << bit) >>> 0).filter(
    (value) => supported(value) === true && !names.has(value),
  );
  return [...known, ...newer.map((value) => ({ name: null, value, supported: true }))];
}

function limitsReport(facts: SystemFacts): LimitsReport {
  return {
    memlock: limitReport(facts.memlock),
    nofile: limitReport(facts.nofile),
    ioUringDisabled: facts.ioUringDisabled ?? null,
    ioUringGroup: facts.ioUringGroup ?? null,
    seccompMode: facts.seccompMode ?? null,
    capSysAdmin: facts.sysAdmin ?? null,
    capIpcLock: facts.ipcLock ?? null,
  };
}

function limitReport(limit: Limit | undefined): LimitReport | null {
  // JSON has no Infinity.
  const finite = (value: number) => (value === Infinity ? null : value);
  return limit === undefined ? null : { soft: finite(limit.soft), hard: finite(limit.hard) };
}

const FEATURES: readonly (readonly [name: string, value: number])[] = Object.entries(setup)
  .filter(([name]) => name.startsWith('IORING_FEAT_'))
  .sort(([, a], [, b]) => a - b);
