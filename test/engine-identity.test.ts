/**
 * After setuid and its kin nothing runs as who the process was.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { without } from './support/engine-test.ts';
import { scratch } from './support/live-scratch.ts';
import { lacksOpcode, lacksRoot, lacksSqpoll } from './support/needs.ts';
import { moduleFile, nodeFlags, root } from './support/project.ts';

for (const [kind, skip] of [
  ['PLAIN', false],
  ['SQPOLL', lacksSqpoll()],
] as const)
  test(`a ring of kind ${kind}`, { ...without, skip: without.skip || lacksRoot() || skip }, () => {
    using here = scratch();
    // A folder that others may enter, and a file that they may not read.
    chmodSync(here.folder, 0o755);
    const path = here.file('secret', 'content');
    chmodSync(path, 0o600);
    const script = join(root, moduleFile('test/support/identity'));
    const { stdout, stderr } = spawnSync(process.execPath, [...nodeFlags, script, kind, path], {
      cwd: root,
      encoding: 'utf8',
      timeout: without.timeout,
    });
    assert.deepEqual(
      JSON.parse(stdout || 'null'),
      {
        before: 'opened',
        after: ['EACCES', 'EACCES', 'EACCES'],
        again: 'opened',
        last: ['EACCES', 'EACCES'],
        installed: lacksOpcode('IORING_OP_FIXED_FD_INSTALL') ? 'EINVAL' : 'installed',
      },
      stderr,
    );
  });
