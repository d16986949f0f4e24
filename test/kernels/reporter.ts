/**
 * A reporter of node:test that writes one line of JSON per test, behind a mark: a kernel writes to the same console.
 */
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { type Line, MARK } from './console.ts';

export default async function* lines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
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
    const failed = type === 'test:fail';
    yield write({
      file: path[0] ?? name,
      test,
      outcome: failed ? 'failed' : skip !== undefined ? 'skipped' : 'passed',
      ms: Math.round(details.duration_ms),
      ...(!failed && typeof skip === 'string' && skip !== '' && { reason: skip }),
      ...(failed && { reason: reasonOf('error' in details ? details.error : undefined) }),
    });
  }
  yield write({ count });
}

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
