// `sovereign relay --faults`: another project's client, here nostr-tools, meets a relay that misbehaves as
// its file says; and the examples of --help work as they stand.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Relay } from 'nostr-tools/relay';
import { verifyEvent } from 'nostr-tools/pure';

import { Heard, Person, now } from './support/person.mjs';
import { ok, run, scratch, start, startRelay, within } from './support/sovereign.mjs';

let files;
before(() => (files = scratch()));
after(() => files.remove());

let made = 0;
/** A relay that follows `toml`. */
const faulty = (toml) => startRelay('--faults', files.write(`faults-${++made}.toml`, toml));

/** Every frame a bare socket gets. */
async function listen(url) {
  const heard = new Heard();
  const socket = new WebSocket(url);
  socket.addEventListener('message', ({ data }) => heard.add(data));
  heard.closed = new Promise((resolve) => socket.addEventListener('close', resolve));
  await within(new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('no connection')));
  }), 'the socket');
  heard.say = (...frame) => socket.send(JSON.stringify(frame));
  heard.verb = (verb, sub) => heard.when((text) => text.startsWith(`["${verb}"`) && (sub === undefined || JSON.parse(text)[1] === sub), verb).then(JSON.parse);
  heard.leave = () => socket.close();
  return heard;
}

describe('a client of a faulty relay', () => {
  it('loses an OK, is lied to, and finds what was stored', async () => {
    const relay = await faulty(`
[[rule]]
fault = "drop"
verb = "OK"
kinds = [1]
[[rule]]
fault = "flip-ok"
kinds = [7]
message = "error: try again"
[[rule]]
fault = "swallow"
kinds = [30023]
`);
    const alice = await Person.join(relay.url);
    const silent = alice.sign({ kind: 1, content: 'no OK' });
    const lost = alice.relay.publish(silent).catch(() => 'given up');
    const denied = alice.sign({ kind: 7, content: '+' });
    await assert.rejects(alice.relay.publish(denied), /error: try again/);
    const swallowed = await alice.publish({ kind: 30023, tags: [['d', 'x']] });
    const stored = (await alice.fetch({ ids: [silent.id, denied.id, swallowed.id] })).map((event) => event.id);
    assert.deepEqual(stored.sort(), [silent.id, denied.id].sort());
    alice.leave();
    assert.equal(await within(lost, 'the publication to be given up'), 'given up');
    await relay.stop();
  });

  it('gets forged, unasked and repeated events, NOTICE for EOSE, and CLOSED in the middle', async () => {
    const relay = await faulty(`
[[rule]]
fault = "forge"
sub = "forged"
verb = "EVENT"
[[rule]]
fault = "duplicate"
sub = "twice"
verb = "EVENT"
[[rule]]
fault = "notice"
verb = "EOSE"
sub = "forged"
message = "ERROR: bad req"
[[rule]]
fault = "unmatched"
kind = 4242
sub = "twice"
[[rule]]
fault = "closed"
verb = "EVENT"
direction = "out"
sub = "closing"
message = "error: shutting down idle subscription"
`);
    const alice = await Person.join(relay.url);
    const event = await alice.publish({ kind: 1, content: 'true' });
    const raw = await listen(relay.url);
    raw.say('REQ', 'forged', { kinds: [1] });
    assert.equal((await raw.verb('NOTICE'))[1], 'ERROR: bad req');
    const [, , forged] = await raw.verb('EVENT', 'forged');
    assert.equal(forged.id, event.id);
    assert.equal(verifyEvent(forged), false);
    raw.say('REQ', 'twice', { kinds: [1] });
    await raw.when((text) => JSON.parse(text)[2]?.kind === 4242, 'the stray event');
    const strays = raw.items.map((text) => JSON.parse(text)).filter((frame) => frame[0] === 'EVENT' && frame[1] === 'twice');
    assert.deepEqual(strays.map((frame) => frame[2].kind), [1, 1, 4242]);
    assert.equal(verifyEvent(strays[2][2]), true);
    raw.say('REQ', 'closing', { kinds: [1] });
    assert.match((await raw.verb('CLOSED', 'closing'))[2], /idle/);
    raw.leave();
    alice.leave();
    await relay.stop();
  });

  it('must authenticate, and again when the challenge changes', async () => {
    const relay = await faulty(`
[[rule]]
fault = "rotate-challenge"
verb = "REQ"
sub = "rotate"
[[rule]]
fault = "demand-auth"
verb = "REQ"
`);
    const raw = await listen(relay.url);
    const [, challenge] = await raw.verb('AUTH');
    raw.say('REQ', 'rotate', {});
    assert.match((await raw.verb('CLOSED', 'rotate'))[2], /^auth-required:/);
    const [, next] = JSON.parse(await raw.when((text) => text.startsWith('["AUTH"') && !text.includes(challenge), 'another challenge'));
    assert.notEqual(next, challenge);
    raw.leave();
    await relay.stop();
  });

  it('is refused negentropy in all four ways', async () => {
    const relay = await faulty(`
[[rule]]
fault = "neg-error"
sub = "a"
[[rule]]
fault = "notice"
verb = "NEG-OPEN"
sub = "b"
message = "ERROR: negentropy disabled"
[[rule]]
fault = "closed"
verb = "NEG-OPEN"
sub = "c"
message = "unsupported: no NIP-77"
[[rule]]
fault = "drop"
verb = "NEG-OPEN"
sub = "d"
`);
    const raw = await listen(relay.url);
    for (const sub of ['a', 'b', 'c', 'd', 'e']) raw.say('NEG-OPEN', sub, {}, '6100000200');
    await raw.verb('NEG-MSG', 'e');
    assert.match((await raw.verb('NEG-ERR', 'a'))[2], /^blocked:/);
    assert.match((await raw.verb('NOTICE'))[1], /negentropy disabled/);
    assert.match((await raw.verb('CLOSED', 'c'))[2], /^unsupported:/);
    assert.ok(!raw.items.some((text) => text.includes('"d"')), 'silence');
    raw.leave();
    await relay.stop();
  });

  it('sees the relay restart and comes back', async () => {
    const relay = await faulty(`
[[rule]]
fault = "restart"
verb = "EOSE"
times = 1
pause_ms = 50
`);
    const raw = await listen(relay.url);
    raw.say('REQ', 'r', { limit: 0 });
    await within(raw.closed, 'the reset');
    const again = async () => listen(relay.url).catch(again);
    const back = await within(again(), 'the relay to be back');
    back.say('REQ', 'r', { limit: 0 });
    await Promise.race([back.verb('EOSE', 'r'), back.closed.then(() => assert.fail('taken in by a relay that was ending'))]);
    back.leave();
    await relay.stop();
  });

  it('meets strfry\'s limits', async () => {
    const relay = await faulty('profile = "strfry"\n');
    const alice = await Person.join(relay.url);
    const refused = (template) => assert.rejects(alice.relay.publish(alice.sign(template)), /^Error: invalid:/);
    await refused({ kind: 20001, created_at: now() - 100 });
    await refused({ kind: 1, created_at: now() - 4 * 365 * 86_400 });
    await refused({ kind: 1, tags: [['t', 'x'.repeat(1025)]] });
    await assert.rejects(alice.fetch({ '#a': ['x'], '#e': ['a'.repeat(64)], '#p': ['b'.repeat(64)], '#t': ['y'] }), /invalid: a filter has 4 tags/);
    const stranger = await Relay.connect(relay.url);
    const reason = await within(new Promise((resolve) => stranger.subscribe([{ kinds: [4] }], { onclose: resolve })), 'a refusal');
    assert.match(reason, /^auth-required:/);
    stranger.close();
    alice.leave();
    await relay.stop();
  });

  it('is not served by a file with a mistake', async () => {
    const result = await run(['relay', '--listen', '127.0.0.1:0', '--faults', files.write('bad.toml', '[[rule]]\nfault = "dorp"\n')]);
    assert.equal(result.code, 2);
    assert.match(result.err, /bad\.toml: rule 1: fault is none of .*did you mean "drop"/s);
  });
});

describe('sovereign relay --help', () => {
  it('opens with examples that work', async () => {
    const { out } = await ok(['relay', '--help']);
    const examples = out.split('\n').map((line) => line.trim()).filter((line) => line.startsWith('sovereign relay'));
    assert.ok(examples.length >= 4, out);
    // The fault file is printed below them, indented.
    const toml = out.split('\n').filter((line) => /^\s+(\[\[rule\]\]|[a-z_]+ = )/.test(line)).join('\n');
    assert.match(toml, /\[\[rule\]\]/);
    for (const example of examples) {
      const args = example.split(' ').slice(1).map((word) => (word === 'faults.toml' ? files.write(word, toml) : word === 'relay.db' ? files.at(word) : word));
      if (!args.includes('--listen')) args.push('--listen', '127.0.0.1:0'); // the default port may be in use here
      const relay = await start(args);
      assert.match(relay.line, /^(listening |\{"listening":")ws:\/\/127\.0\.0\.1:\d+/);
      assert.equal(await relay.stop(), 0);
    }
  });
});
