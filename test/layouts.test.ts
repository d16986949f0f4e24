import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Layout } from '../syscalls/layouts/index.ts';
import * as layouts from '../syscalls/layouts/index.ts';

// What a C compiler says of liburing's headers, on x64.
const vectors: Record<string, { size: number; fields: Record<string, [offset: number, size: number]> }> =
  JSON.parse(readFileSync(new URL('vectors/layouts.json', import.meta.url), 'utf8'));
// This assignment also has the compiler check that each is a Layout: their own types are narrower.
const ours: Readonly<Record<string, Layout>> = layouts;

/** A layout as the vectors write it: without signs. */
function plain({ size, fields }: Layout): (typeof vectors)[string] {
  const rows = Object.entries(fields).map(([name, [offset, bytes]]) => [name, [offset, bytes]]);
  return { size, fields: Object.fromEntries(rows) };
}

test('the vectors hold 56 structs', () => {
  assert.equal(Object.keys(vectors).length, 56);
});

for (const [name, layout] of Object.entries(vectors)) {
  test(`struct ${name} lies as C lays it`, () => {
    const mine = ours[name];
    assert.ok(mine, `${name} is missing`);
    // The vectors are of x64, where epoll_event is packed; elsewhere its u64 is aligned.
    const fields = {
      events: [0, 4],
      'data.ptr': [8, 8],
      'data.fd': [8, 4],
      'data.u32': [8, 4],
      'data.u64': [8, 8],
    };
    const aligned = name === 'epoll_event' && process.arch !== 'x64';
    assert.deepEqual(plain(mine), aligned ? { size: 16, fields } : layout);
  });
}

test('siginfo is the only struct beside them', () => {
  assert.deepEqual(
    Object.keys(ours).filter((name) => !(name in vectors)),
    ['siginfo'],
  );
  assert.equal(layouts.siginfo.size, 128);
});

test('signs stand on integers, and where C has them', () => {
  for (const [name, { size, fields }] of Object.entries(ours))
    for (const [field, [offset, bytes, sign]] of Object.entries(fields)) {
      // Only io_uring_sqe.cmd and its like begin where the struct ends, without a size of their own.
      assert.ok(offset + bytes <= size, `${name}.${field} lies within`);
      if (sign) assert.ok([1, 2, 4, 8].includes(bytes), `${name}.${field} is an integer`);
    }
  const signed = [
    layouts.io_uring_sqe.fields.fd,
    layouts.io_uring_cqe.fields.res,
    layouts.__kernel_timespec.fields.tv_sec,
    layouts.__kernel_timespec.fields.tv_nsec,
    layouts.siginfo.fields.si_status,
  ];
  for (const field of signed) assert.equal(field[2], 'signed');
  assert.equal(layouts.io_uring_cqe.fields.user_data.length, 2);
});
