// nostr-tools against the toolbox: whatever one of them writes, the other one reads, over relays of both.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import * as nip19 from 'nostr-tools/nip19';
import { finalizeEvent, generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';
import { WebSocketServer } from 'ws';

import { startNpmRelay } from './support/npm_relay.mjs';
import { Person, now } from './support/person.mjs';
import { ok, run, scratch, startRelay } from './support/sovereign.mjs';

const files = scratch();
after(() => files.remove());

const jsonl = (events) => events.map((event) => JSON.stringify(event)).join('\n') + '\n';

/** Strings that implementations escape differently when they are careless. */
const kHardTexts = [
  '',
  'plain',
  'line\nfeed\r\ttab "quote" \\backslash\\ /slash/',
  '\u0000\u0001\b\f\u001f\u007f',
  'ünïcödé — 日本語 🤙🏽 \u2028\u2029 \ufeff',
  '</script> & <b>',
];

describe('events', () => {
  const sk = generateSecretKey();
  const keyFile = files.write('event.key', bytesToHex(sk) + '\n');

  it('signed by nostr-tools pass `sovereign verify`, whatever their text', async () => {
    const events = kHardTexts.map((content, i) =>
      finalizeEvent({ kind: i === 0 ? 0 : 1, created_at: now(), tags: [['t', content], ['x'], ['e', '', content]], content }, sk));
    const result = await ok(['verify'], { input: jsonl(events) });
    assert.deepEqual(result.json, [{ valid: events.length, invalid: 0 }]);
  });

  it('that were altered are named by line', async () => {
    const good = finalizeEvent({ kind: 1, created_at: now(), tags: [], content: 'good' }, sk);
    const forged = { ...good, content: 'forged' };
    const wrongSig = { ...good, sig: good.sig.slice(0, -2) + (good.sig.endsWith('00') ? '01' : '00') };
    const result = await run(['verify'], { input: jsonl([good, forged, good, wrongSig]) });
    assert.equal(result.code, 1);
    assert.deepEqual(result.json, [{ valid: 2, invalid: 2 }]);
    assert.match(result.err, /line 2\b/);
    assert.match(result.err, /line 4\b/);
  });

  it('made by `sovereign event` verify in nostr-tools, whatever their text', async () => {
    for (const content of kHardTexts.filter((text) => !text.includes('\0'))) {
      const tag = JSON.stringify(['t', content, '']);
      const { json } = await ok(['event', '-k', '30023', '-c', content, '--tag', tag, '-t', 'd=a=b;c', '--created-at', '1700000000', '--key-file', keyFile]);
      const [event] = json;
      assert.equal(verifyEvent(event), true, JSON.stringify(event));
      const { kind, created_at, pubkey, tags } = event;
      assert.deepEqual(
        { kind, created_at, pubkey, content: event.content, tags },
        { kind: 30023, created_at: 1700000000, pubkey: getPublicKey(sk), content, tags: [['d', 'a=b', 'c'], ['t', content, '']] });
    }
  });
});

describe('NIP-19 names', () => {
  const pubkey = getPublicKey(generateSecretKey());
  const id = bytesToHex(generateSecretKey());
  const relays = ['wss://relay.example', 'wss://other.example/path'];
  const flags = relays.flatMap((relay) => ['--relay', relay]);

  it('are encoded as nostr-tools encodes them', async () => {
    const cases = [
      [['npub', pubkey], nip19.npubEncode(pubkey)],
      [['note', id], nip19.noteEncode(id)],
      [['nprofile', pubkey, ...flags], nip19.nprofileEncode({ pubkey, relays })],
      [['nevent', id, ...flags], nip19.neventEncode({ id, relays })],
      [['naddr', `30023:${pubkey}:a:b`, ...flags], nip19.naddrEncode({ kind: 30023, pubkey, identifier: 'a:b', relays })],
    ];
    for (const [args, expected] of cases) {
      const written = (await ok(['encode', ...args])).out.trim();
      // The order of TLV entries is free, so what counts is what the other side reads.
      assert.deepEqual(nip19.decode(written), nip19.decode(expected), args[0]);
      if (args[0] === 'npub' || args[0] === 'note') assert.equal(written, expected);
    }
  });

  it('of nostr-tools are decoded, with or without nostr:', async () => {
    const cases = [
      [nip19.npubEncode(pubkey), { type: 'npub', pubkey }],
      [nip19.noteEncode(id), { type: 'note', id }],
      [nip19.nprofileEncode({ pubkey, relays }), { type: 'nprofile', pubkey, relays }],
      [nip19.neventEncode({ id, relays, author: pubkey, kind: 1 }), { type: 'nevent', id, relays, author: pubkey, kind: 1 }],
      [nip19.naddrEncode({ kind: 39230, pubkey, identifier: 'sess-1', relays }), { type: 'naddr', kind: 39230, pubkey, identifier: 'sess-1', relays }],
    ];
    for (const [name, expected] of cases)
      for (const text of [name, `nostr:${name}`]) assert.deepEqual((await ok(['decode', text])).json, [expected]);
  });

  it('of secrets show whose they are and not the secret', async () => {
    const sk = generateSecretKey();
    const { out, json } = await ok(['decode', nip19.nsecEncode(sk)]);
    assert.deepEqual(json, [{ type: 'nsec', pubkey: getPublicKey(sk) }]);
    assert.ok(!out.includes(bytesToHex(sk)));
  });
});

const kRelays = [
  { name: 'the npm relay', open: startNpmRelay, counts: false },
  { name: 'our relay', open: startRelay, counts: true },
];

for (const { name, open, counts } of kRelays) {
  describe(`over ${name}`, () => {
    let relay;
    let person;
    let sender;
    before(async () => {
      relay = await open();
      person = await Person.join(relay.url);
      sender = await Person.join(relay.url);
    });
    after(async () => {
      person.leave();
      sender.leave();
      await (relay.close ?? relay.stop)();
    });

    it('`publish` brings events of nostr-tools to nostr-tools', async () => {
      const events = kHardTexts.map((content) => sender.sign({ kind: 1, tags: [['t', 'published']], content }));
      const result = await ok(['publish', relay.url], { input: jsonl(events) });
      assert.deepEqual(result.json.map((line) => [line.id, line.status]), events.map((event) => [event.id, 'accepted']));
      const found = await person.fetch({ kinds: [1], '#t': ['published'] });
      assert.deepEqual(found.map((event) => event.id).sort(), events.map((event) => event.id).sort());
    });

    it('`publish` reports what the relay says about a forged event', async () => {
      const forged = { ...sender.sign({ kind: 1, content: 'a' }), content: 'b' };
      const result = await run(['publish', relay.url], { input: jsonl([forged]) });
      assert.equal(result.code, 1, result.out + result.err);
      if (result.lines.length > 0) assert.equal(result.json[0].status, 'rejected');
    });

    it('`req` prints what nostr-tools published, newest first, until EOSE', async () => {
      const events = [];
      for (let i = 0; i < 5; ++i) events.push(await sender.publish({ kind: 1, created_at: now() - 100 + i, tags: [['t', 'req']], content: `${i}` }));
      const filter = JSON.stringify({ kinds: [1], '#t': ['req'], limit: 3 });
      const result = await ok(['req', relay.url, '-f', filter]);
      assert.deepEqual(result.json.map((event) => event.id), events.slice(2).reverse().map((event) => event.id));
      for (const event of result.json) assert.equal(verifyEvent(event), true);
      assert.deepEqual((await ok(['verify'], { input: result.out })).json, [{ valid: 3, invalid: 0 }]);
    });

    it('`req` takes several filters and prints each event once', async () => {
      const event = await sender.publish({ kind: 1, tags: [['t', 'twice']], content: 'once' });
      const result = await ok(['req', relay.url, '-f', JSON.stringify({ ids: [event.id] }), '-f', JSON.stringify({ '#t': ['twice'] })]);
      assert.deepEqual(result.json.map((found) => found.id), [event.id]);
    });

    it('`event --relay` signs and publishes in one go', async () => {
      const heard = person.follow({ kinds: [1], '#t': ['one-go'] });
      const keyFile = files.write(`one-go-${counts}.key`, sender.nsec);
      const { json } = await ok(['event', '-c', 'hello', '-t', 't=one-go', '--key-file', keyFile, '--relay', relay.url]);
      const event = await heard.when(() => true, 'the published event');
      assert.equal(event.id, json[0].id);
      assert.equal(event.pubkey, sender.pubkey);
    });

    it('a deletion (NIP-09) takes an event away for `req`', async () => {
      const event = await sender.publish({ kind: 1, tags: [['t', 'deleted']], content: 'gone' });
      const keyFile = files.write(`deletion-${counts}.key`, sender.nsec);
      await ok(['event', '-k', '5', '-t', `e=${event.id}`, '-t', 'k=1', '--key-file', keyFile, '--relay', relay.url]);
      assert.deepEqual((await ok(['req', relay.url, '-f', JSON.stringify({ ids: [event.id] })])).lines, []);
    });

    it('an expired event (NIP-40) is not served', async () => {
      const filter = JSON.stringify({ '#t': ['expiring'] });
      const past = sender.sign({ kind: 1, tags: [['t', 'expiring'], ['expiration', String(now() - 10)]], content: 'old' });
      await run(['publish', relay.url], { input: jsonl([past]) }); // a relay may take it or not
      assert.deepEqual((await ok(['req', relay.url, '-f', filter])).lines, []);
      const future = await sender.publish({ kind: 1, tags: [['t', 'expiring'], ['expiration', String(now() + 1000)]], content: 'fresh' });
      assert.deepEqual((await ok(['req', relay.url, '-f', filter])).json.map((event) => event.id), [future.id]);
    });

    it(counts ? '`count` (NIP-45) agrees with what was published' : '`count` (NIP-45) fails clearly at a relay without it', async () => {
      const start = now(); // once: a second passing in between would make two of them one event
      for (let i = 0; i < 4; ++i) await sender.publish({ kind: 1, created_at: start - i, tags: [['t', 'counted']], content: '' });
      const result = await run(['count', relay.url, '-f', JSON.stringify({ '#t': ['counted'] })]);
      assert.equal(result.code, counts ? 0 : 1, result.err);
      if (counts) assert.equal(result.json[0].count, 4);
      else assert.notEqual(result.err, '');
    });

    it('NIP-17: a nostr-tools message is read by `dm list`', async () => {
      const keyFile = files.write(`reader-${counts}.key`, person.nsec);
      for (const text of ['first', 'zweite\nZeile 🤙', 'x'.repeat(5000)]) await sender.say(person.pubkey, text);
      const { json } = await ok(['dm', 'list', '--key-file', keyFile, '--relay', relay.url, '--from', sender.npub]);
      assert.deepEqual(json.map((message) => message.text).sort(), ['first', 'x'.repeat(5000), 'zweite\nZeile 🤙'].sort());
      for (const message of json) assert.deepEqual([message.from, message.kind], [sender.pubkey, 14]);
    });

    it('NIP-17: a forged author inside a wrap is not believed', async () => {
      const { createSeal, createWrap, createRumor } = await import('nostr-tools/nip59');
      const mallory = await Person.join(relay.url);
      const rumor = { ...createRumor({ kind: 14, content: 'I am the sender', tags: [['p', person.pubkey]] }, mallory.key), pubkey: sender.pubkey };
      await mallory.relay.publish(createWrap(createSeal(rumor, mallory.key, person.pubkey), person.pubkey));
      const keyFile = files.write(`forged-${counts}.key`, person.nsec);
      const { out } = await ok(['dm', 'list', '--key-file', keyFile, '--relay', relay.url]);
      assert.ok(!out.includes('I am the sender'));
      mallory.leave();
    });

    it('NIP-17: `dm send` is read by nostr-tools, at the inbox it publishes', async () => {
      const keyFile = files.write(`writer-${counts}.key`, bytesToHex(sender.key));
      const refused = await run(['dm', 'send', person.npub, 'hello', '--key-file', keyFile, '--relay', relay.url]);
      assert.equal(refused.code, 1, 'without a 10050 nobody knows where to write');
      await person.publishInbox();
      const text = 'hello\n"there" 🤙';
      const { json } = await ok(['dm', 'send', person.npub, text, '--key-file', keyFile, '--relay', relay.url]);
      const message = await person.messages.when((item) => item.text === text, 'the private message');
      assert.deepEqual([message.from, message.kind, message.id], [sender.pubkey, 14, json[0].id]);
      assert.notEqual(message.envelope.pubkey, sender.pubkey);
    });

    it('NIP-04: both ways', async () => {
      const writer = files.write(`legacy-writer-${counts}.key`, sender.nsec);
      const reader = files.write(`legacy-reader-${counts}.key`, person.nsec);
      await ok(['dm', 'send', person.npub, 'old ways 🤙', '--key-file', writer, '--relay', relay.url, '--legacy']);
      const got = await person.messages.when((item) => item.kind === 4, 'the NIP-04 message');
      assert.deepEqual([got.text, got.from], ['old ways 🤙', sender.pubkey]);
      await sender.sayLegacy(person.pubkey, 'older ways');
      const { json } = await ok(['dm', 'list', '--key-file', reader, '--relay', relay.url, '--match', 'older']);
      assert.deepEqual(json.map((message) => [message.text, message.kind, message.from]), [['older ways', 4, sender.pubkey]]);
    });
  });
}

describe('NIP-42', () => {
  it('the npm relay says `restricted:` where NIP-42 says `auth-required:`; `dm list` reads there all the same', async () => {
    const relay = await startNpmRelay({ auth: true });
    const sender = await Person.join(relay.url);
    const reader = generateSecretKey();
    await sender.say(getPublicKey(reader), 'behind the door');
    const keyFile = files.write('auth.key', bytesToHex(reader));
    const { json } = await ok(['dm', 'list', '--key-file', keyFile, '--relay', relay.url]);
    assert.deepEqual(json.map((message) => message.text), ['behind the door']);
    const stranger = await run(['req', relay.url, '-f', JSON.stringify({ kinds: [4, 1059] })]);
    assert.deepEqual([stranger.code, stranger.lines], [1, []], 'without a key there is nothing to see');
    assert.match(stranger.err, /restricted/);
    sender.leave();
    await relay.close();
  });
});

/** A relay of a few lines that searches and estimates, as ours does not. */
async function startSearchRelay(registers) {
  const requests = [];
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/nostr+json' });
    response.end(JSON.stringify({ name: 'finds all', supported_nips: [1, 11, 45, 50] }));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data) => {
      const [verb, sub, filter] = JSON.parse(data);
      if (verb === 'REQ') requests.push(filter);
      if (verb === 'COUNT') socket.send(JSON.stringify(['COUNT', sub, { count: 2, approximate: true, hll: registers }]));
      if (verb === 'REQ') socket.send(JSON.stringify(['EOSE', sub]));
    }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `ws://127.0.0.1:${server.address().port}`, requests, close: () => { sockets.close(); server.close(); server.closeAllConnections(); } };
}

/** NIP-45 registers with one author in each of the places named. */
const registersWith = (...places) => Array.from({ length: 256 }, (_, i) => (places.includes(i) ? '01' : '00')).join('');

describe('relays that can do more than ours', () => {
  it('get the words of `req --search`; others are named and not asked', async () => {
    const relay = await startSearchRelay('');
    const plain = await startRelay();
    const found = await run(['req', relay.url, plain.url, '-k', '1', '--search', 'threshold signing']);
    assert.equal(found.code, 5, found.err);
    assert.match(found.err, /does not search/);
    assert.deepEqual(relay.requests.map((filter) => filter.search), ['threshold signing']);
    const none = await run(['req', plain.url, '--search', 'x']);
    assert.equal(none.code, 1);
    assert.match(none.err, /--force/);
    const forced = await run(['req', plain.url, '--search', 'x', '--force']);
    assert.match(forced.err, /unsupported: this relay does not search/);
    relay.close();
    await plain.stop();
  });

  it('are counted together, each author once (NIP-45)', async () => {
    const one = await startSearchRelay(registersWith(1, 2));
    const other = await startSearchRelay(registersWith(2, 3));
    const result = await ok(['count', one.url, other.url, '-k', '7', '-e', '0'.repeat(64)]);
    assert.deepEqual(result.json, [
      { relay: one.url, count: 2, approximate: true },
      { relay: other.url, count: 2, approximate: true },
      { relays: 2, distinct_authors: 3, approximate: true },
    ]);
    one.close();
    other.close();
  });
});
