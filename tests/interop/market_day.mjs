// The market day of tests/e2e over a relay that is not ours: three agents, two sellers, their co-signers and
// guardians meet on an npm relay, and in the evening everybody's books agree all the same.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { it } from 'node:test';

import { startNpmRelay } from './support/npm_relay.mjs';

it('a day at the market, on an npm relay, which ignores tags when an event is new', async () => {
  const relay = await startNpmRelay();
  const day = spawn(process.env.SOVEREIGN_E2E, ['--gtest_filter=MarketDay.*'], { env: { ...process.env, SOVEREIGN_TEST_RELAY: relay.url } });
  let told = '';
  for (const stream of [day.stdout, day.stderr]) stream.setEncoding('utf8').on('data', (text) => (told += text));
  const code = await new Promise((resolve) => day.on('close', resolve));
  assert.equal(code, 0, told.slice(-20_000));
  assert.match(told, /\[ {2}PASSED {2}\] 1 test/);
  const kinds = new Set([...relay.repository.slots.values()].map((event) => event.kind));
  for (const kind of [1059, 1985, 33400, 33401, 39213, 39220]) assert.ok(kinds.has(kind), `kind ${kind} went over it`);
  await relay.close();
});
