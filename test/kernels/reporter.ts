/**
 * A reporter of node:test that writes one line of JSON per test, behind a mark: a kernel writes to the same console.
 */
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { type Line, MARK } from './console.ts';

export default async function* lines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  // The suites that there are to be: the last argument of the process, see guest.ts.
  const files = process.argv.at(-1)?.split(',') ?? [];
  const path: string[] = [];
  let count = 0;
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      path.length = data.nesting;
      path[data.nesting] = data.name;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, skip, details } = data;
    // A suite that fails only tells that a test in it did.
    if (details.type === 'suite' && skip === undefined && !failsItself(details)) continue;
    count++;
    path.length = nesting;
    const test = [...path.slice(1), ...(nesting > 0 ? [name] : [])].join(' › ');
    const file = path[0] ?? name;
    const stray = !files.includes(file);
    const failed = type === 'test:fail' || stray;
    yield write({
      file,
      test,
      outcome: failed ? 'failed' : skip !== undefined ? 'skipped' : 'passed',
      ms: Math.round(details.duration_ms),
      ...(!failed && typeof skip === 'string' && skip !== '' && { reason: skip }),
      ...(failed && { reason: reasonOf('error' in details ? details.error : stray && STRAY) }),
    });
  }
  yield write({ count });
}

/** Its `before` and `after` would be everybody's. */
const STRAY = 'it stands in no suite of a file';

function write(line: Line): string {
  return `${MARK}${JSON.stringify(line)}\n`;
}

/** Not only by a test in it. */
function failsItself(details: object): boolean {
  const error = 'error' in details ? (details.error as { failureType?: string }) : undefined;
  return error !== undefined && error.failureType !== 'subtestsFailed';
}

function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  return inspect(cause).slice(0, 2000);
}
