/**
 * What the kernel says of itself: the probe and the query.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getProbe, Probe, registerQuery } from 'tsuring';
import { IORING_OP_NOP, IORING_OP_READ, IORING_SETUP_SQPOLL, IOSQE_FIXED_FILE } from 'tsuring/syscalls';
import { opcodesReport } from '../lib/doctor/opcodes.ts';
import { queryReport } from '../lib/doctor/register-opcodes.ts';
import { live } from './support/live.ts';
import { lacksRegister, lacksRing } from './support/needs.ts';
import { openRing } from './support/open-ring.ts';

const ring = lacksRing('io_uring', {});

live(['registerProbe', 'getProbe'], 'the probe agrees with the doctor', [ring], () => {
  using open = openRing(2);
  const probe = open.ring.registerProbe();
  assert.ok(probe instanceof Probe);
  const report = opcodesReport(true);
  assert.deepEqual(
    probe.ops,
    report.filter(({ supported }) => supported).map(({ opcode }) => opcode),
  );
  for (const { opcode, supported } of report) assert.equal(probe.supports(opcode), supported, `${opcode}`);
  assert.ok(probe.supports(IORING_OP_NOP) && probe.supports(IORING_OP_READ));
  assert.ok(probe.lastOp >= Math.max(...probe.ops) && probe.lastOp < 255);
  for (const none of [255, 256, -1, Number.NaN]) assert.equal(probe.supports(none), false);
  // It can be asked again, and without a ring of one's own.
  const again = [open.ring.registerProbe(), getProbe()];
  for (const { lastOp, ops } of again) assert.deepEqual([lastOp, ops], [probe.lastOp, probe.ops]);
  open.expect({ sq: 0, cq: 0 });
});

live(
  ['registerQuery'],
  'the query agrees with the probe and with the doctor',
  [lacksRegister('IORING_REGISTER_QUERY')],
  () => {
    const { opcodes, zcrx, scq } = registerQuery();
    const { lastOp } = getProbe();
    assert.equal(opcodes.requestOpcodes, lastOp + 1);
    assert.ok(opcodes.registerOpcodes >= 36);
    assert.equal(opcodes.setupFlags & BigInt(IORING_SETUP_SQPOLL), BigInt(IORING_SETUP_SQPOLL));
    assert.equal(opcodes.sqeFlags & BigInt(IOSQE_FIXED_FILE), BigInt(IOSQE_FIXED_FILE));
    using open = openRing(1);
    assert.equal(opcodes.features, BigInt(open.ring.features));
    const report = queryReport();
    const hex = (bits: bigint) => `0x${bits.toString(16)}`;
    assert.deepEqual(report, {
      requestOpcodes: opcodes.requestOpcodes,
      registerOpcodes: opcodes.registerOpcodes,
      setupFlags: hex(opcodes.setupFlags),
      features: hex(opcodes.features),
      enterFlags: hex(opcodes.enterFlags),
      sqeFlags: hex(opcodes.sqeFlags),
    });
    // Linux 6.18 knows one query only; what it does not know is null, not zeros.
    if (zcrx !== null) assert.ok(zcrx.rqHdrSize > 0 && zcrx.rqHdrAlignment > 0);
    if (scq !== null) assert.ok(scq.hdrSize >= 64 && scq.hdrAlignment > 0);
    assert.equal(zcrx === null, opcodes.queryOpcodes < 2);
  },
);

live(['registerQuery'], 'zero-copy receive and the queues', [lacksQueries()], () => {
  const { opcodes, zcrx, scq } = registerQuery();
  assert.ok(zcrx !== null && scq !== null);
  assert.ok(opcodes.queryOpcodes >= 3);
  assert.ok(zcrx.ctrlOpcodes >= 2);
});

test('a kernel without the query', {
  skip: lacksRegister('IORING_REGISTER_QUERY') === false && 'needs a kernel without IORING_REGISTER_QUERY',
}, () => {
  assert.throws(() => registerQuery(), { code: 'EINVAL', syscall: 'io_uring_register' });
});

/** For IO_URING_QUERY_ZCRX and IO_URING_QUERY_SCQ. */
function lacksQueries(): string | false {
  const none = lacksRegister('IORING_REGISTER_QUERY');
  if (none) return none;
  return registerQuery().scq === null ? 'needs IO_URING_QUERY_SCQ (Linux 6.19)' : false;
}
