/**
 * Tests that do an operation or a registration for real, on this kernel. What each covers is noted where
 * test/support/operations-table.ts asks for it: docs/operations.md is made of these notes.
 */
import { appendFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type TestContext, test } from 'node:test';
import { timeLimit } from './time-limit.ts';

/** What one live test was and how it ended: a line of JSON in the file that LIVE_NOTES names. */
export interface LiveNote {
  /** Names of functions of lib/ops/ and of register methods. */
  readonly covers: readonly string[];
  readonly test: string;
  /** Of the test's file, without '.test.ts'. */
  readonly file: string;
  readonly outcome: 'passed' | 'skipped' | 'failed';
  /** What is missing, when skipped. */
  readonly reason?: string;
}

/** The variable of the environment with the path of the notes. */
export const LIVE_NOTES = 'TSURING_LIVE_NOTES';

/**
 * A test of the operations and register methods named in `covers`. `needs` are results of support/needs.ts: the first
 * that is no `false` is the reason to skip.
 */
export function live(
  covers: readonly string[],
  name: string,
  needs: readonly (string | false)[],
  body: (context: TestContext) => void | Promise<void>,
): void {
  const lacking = needs.find((need) => need !== false) || false;
  const note = (outcome: LiveNote['outcome'], reason?: string): void => {
    const notes = process.env[LIVE_NOTES];
    if (notes === undefined) return;
    const file = basename(process.argv[1], '.test.ts');
    const line: LiveNote = { covers, test: name, file, outcome, ...(reason !== undefined && { reason }) };
    appendFileSync(notes, `${JSON.stringify(line)}\n`);
  };
  if (lacking !== false) note('skipped', lacking);
  test(name, { skip: lacking, timeout: timeLimit }, async (context) => {
    let outcome: LiveNote['outcome'] = 'failed';
    try {
      await body(context);
      outcome = 'passed';
    } finally {
      note(outcome);
    }
  });
}
