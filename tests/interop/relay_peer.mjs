// `sovereign relay` as nostr-tools meets it: Relay and SimplePool, as an ordinary client uses them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fetchRelayInformation } from 'nostr-tools/nip11';
import { SimplePool } from 'nostr-tools/pool';
import { finalizeEvent, verifyEvent } from 'nostr-tools/pure';
import { Relay } from 'nostr-tools/relay';
import * as nip17 from 'nostr-tools/nip17';
import { nip77 } from 'nostr-tools';

import { Person, now } from './support/person.mjs';
import { startRelay, within } from './support/sovereign.mjs';

let relay;
let alice;
let bob;
before(async () => {
  relay = await startRelay('--eose-hints');
  alice = await Person.join(relay.url);
  bob = await Person.join(relay.url);
});
after(async () => {
  alice.leave();
  bob.leave();
  await relay.stop();
});

const ids = (events) => events.map((event) => event.id);
/** What the relay says when it does not take `event`. */
const refusalOf = (person, event) => person.relay.publish(event).then(() => assert.fail('the relay took it'), (error) => error.message);

describe('NIP-01', () => {
  it('an event comes back as it was sent, stored and live', async () => {
    const live = bob.follow({ kinds: [1], '#t': ['both-ways'] });
    const content = 'quotes " backslashes \\ control \u0001\u001f emoji 🤙🏽 \u2028 slash /';
    const event = await alice.publish({ kind: 1, content, tags: [['t', 'both-ways'], ['x', '', '"']] });
    const got = await live.when(() => true, 'the live event');
    const stored = await bob.fetch({ ids: [event.id] });
    for (const copy of [got, ...stored]) {
      assert.equal(verifyEvent(copy), true);
      assert.deepEqual([copy.id, copy.content, copy.tags, copy.sig], [event.id, content, event.tags, event.sig]);
    }
    assert.equal(stored.length, 1);
  });

  it('the newest come first, as many as the limit says; ties go by id', async () => {
    const at = now() - 50;
    const events = [];
    for (const created_at of [at, at + 1, at + 1, at + 1, at + 2]) events.push(await alice.publish({ kind: 1, created_at, content: String(events.length), tags: [['t', 'ordered']] }));
    const order = [...events].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1));
    assert.deepEqual(ids(await bob.fetch({ '#t': ['ordered'], limit: 3 })), ids(order.slice(0, 3)));
    assert.deepEqual(ids(await bob.fetch({ '#t': ['ordered'], since: at + 1, until: at + 1 })), ids(order.slice(1, 4)));
    assert.deepEqual(ids(await bob.fetch({ '#t': ['ordered'], authors: [bob.pubkey] })), []);
  });

  it('several filters are one question with one answer for each event', async () => {
    const a = await alice.publish({ kind: 1, content: 'a', tags: [['t', 'or-a']] });
    const b = await bob.publish({ kind: 7, content: '+', tags: [['t', 'or-b'], ['e', a.id]] });
    const found = await bob.fetch({ '#t': ['or-a'] }, { '#e': [a.id] }, { ids: [a.id, b.id] });
    assert.deepEqual(ids(found).sort(), [a.id, b.id].sort());
  });

  it('a duplicate is accepted again, a forged event and a wrong id are not', async () => {
    const event = await alice.publish({ kind: 1, content: 'once' });
    await bob.relay.publish(event);
    const sig = event.sig.startsWith('00') ? `11${event.sig.slice(2)}` : `00${event.sig.slice(2)}`;
    const other = alice.sign({ kind: 1, content: 'another' });
    assert.match(await refusalOf(bob, { ...other, sig }), /^invalid:/);
    assert.match(await refusalOf(bob, { ...other, content: 'changed' }), /^invalid:/);
  });

  it('replaceable and addressable events have one survivor, and the lower id wins a tie', async () => {
    const at = now() - 10;
    const versions = [0, 1].map((i) => alice.sign({ kind: 30023, created_at: at, content: `tie ${i}`, tags: [['d', 'tie']] }));
    for (const event of versions) await alice.relay.publish(event).catch(() => {}); // refused or accepted: both are right
    assert.deepEqual(ids(await bob.fetch({ kinds: [30023], authors: [alice.pubkey], '#d': ['tie'] })), [ids(versions).sort()[0]]);
    await alice.publish({ kind: 0, created_at: at, content: '{"name":"old"}' });
    const profile = await alice.publish({ kind: 0, created_at: at + 1, content: '{"name":"new"}' });
    await alice.relay.publish(alice.sign({ kind: 0, created_at: at - 1, content: '{"name":"older"}' })).catch(() => {});
    assert.deepEqual(ids(await bob.fetch({ kinds: [0], authors: [alice.pubkey] })), [profile.id]);
    const first = await alice.publish({ kind: 30023, content: 'a', tags: [['d', 'one']] });
    const second = await alice.publish({ kind: 30023, content: 'b', tags: [['d', 'two']] });
    assert.deepEqual(ids(await bob.fetch({ kinds: [30023], '#d': ['one', 'two'] })).sort(), [first.id, second.id].sort());
  });

  it('ephemeral events are passed on and not kept', async () => {
    const live = bob.follow({ kinds: [20001], authors: [alice.pubkey] });
    const probe = bob.follow({ kinds: [1], '#t': ['subscribed'] });
    await alice.publish({ kind: 1, tags: [['t', 'subscribed']] });
    await probe.when(() => true, 'the subscription to be open');
    const event = await alice.publish({ kind: 20001, content: 'now' });
    assert.equal((await live.when(() => true, 'the ephemeral event')).id, event.id);
    assert.deepEqual(await bob.fetch({ kinds: [20001] }), []);
  });

  it('a closed subscription is quiet while another one goes on', async () => {
    const heard = [];
    const closed = bob.relay.subscribe([{ kinds: [1], '#t': ['closing'] }], { onevent: (event) => heard.push(event) });
    const open = bob.follow({ kinds: [1], '#t': ['closing'] });
    await alice.publish({ kind: 1, content: '1', tags: [['t', 'closing']] });
    await open.when((event) => event.content === '1', 'the first event');
    closed.close();
    await alice.publish({ kind: 1, content: '2', tags: [['t', 'closing']] });
    await open.when((event) => event.content === '2', 'the second event');
    assert.deepEqual(heard.map((event) => event.content), ['1']);
  });

  it('an event that is too large is refused and the connection stays', async () => {
    assert.match(await refusalOf(alice, alice.sign({ kind: 1, content: 'x'.repeat(80_000) })), /^invalid:/);
    await alice.publish({ kind: 1, content: 'still here' });
  });
});

describe('NIP-09', () => {
  it('deletes by id and by address, for the author only, and for good', async () => {
    const note = await alice.publish({ kind: 1, content: 'regret' });
    const article = await alice.publish({ kind: 30023, created_at: now() - 5, content: 'draft', tags: [['d', 'gone']] });
    const address = `30023:${alice.pubkey}:gone`;
    await bob.publish({ kind: 5, tags: [['e', note.id], ['a', address]] }).catch(() => {});
    assert.equal((await bob.fetch({ ids: [note.id, article.id] })).length, 2, 'strangers delete nothing');
    const deletion = await alice.publish({ kind: 5, tags: [['e', note.id], ['a', address], ['k', '1'], ['k', '30023']] });
    assert.deepEqual(await bob.fetch({ ids: [note.id, article.id] }), []);
    assert.deepEqual(ids(await bob.fetch({ kinds: [5], '#e': [note.id], authors: [alice.pubkey] })), [deletion.id]);
    await alice.relay.publish(note).catch(() => {});
    assert.deepEqual(await bob.fetch({ ids: [note.id] }), [], 'what was deleted does not come back');
    const again = await alice.publish({ kind: 30023, created_at: now() + 1, content: 'second thoughts', tags: [['d', 'gone']] });
    assert.deepEqual(ids(await bob.fetch({ kinds: [30023], '#d': ['gone'] })), [again.id]);
  });
});

describe('NIP-11', () => {
  it('the relay says what it is and can do', async () => {
    const about = await fetchRelayInformation(relay.url);
    for (const nip of [1, 9, 11, 40, 42, 45, 62, 67, 70, 77]) assert.ok(about.supported_nips.includes(nip), `NIP-${nip}`);
    assert.ok(about.name.length > 0 && about.software.length > 0);
    assert.ok(about.limitation.max_message_length >= 65_536);
  });
});

describe('NIP-40', () => {
  it('expired events are neither taken nor served', async () => {
    assert.match(await refusalOf(alice, alice.sign({ kind: 1, tags: [['expiration', String(now() - 1)]] })), /^invalid:/);
    const event = await alice.publish({ kind: 1, tags: [['expiration', String(now() + 1000)]] });
    assert.deepEqual(ids(await bob.fetch({ ids: [event.id] })), [event.id]);
  });
});

describe('NIP-42', () => {
  it('gift wraps are served to the one they are for, after AUTH', async () => {
    const wrap = await alice.say(bob.pubkey, 'for bob only');
    assert.equal((await bob.messages.when((item) => item.text === 'for bob only', 'the message')).from, alice.pubkey);
    const stranger = await Relay.connect(relay.url);
    const reason = await within(
      new Promise((resolve) => stranger.subscribe([{ kinds: [1059] }], { onclose: resolve, onevent: () => resolve('served') })), 'a refusal');
    assert.match(reason, /^auth-required:/);
    stranger.close();
    // Alice is known to the relay, and still it is not her message.
    assert.deepEqual(await alice.fetch({ kinds: [1059], ids: [wrap.id] }).catch(() => []), []);
    assert.equal(nip17.unwrapEvent(wrap, bob.key).content, 'for bob only');
  });

  it('SimplePool answers the challenge by itself', async () => {
    const pool = new SimplePool();
    const sign = async (template) => finalizeEvent(template, bob.key);
    const wrap = await within(
      new Promise((resolve, reject) =>
        pool.subscribe([relay.url], { kinds: [1059], '#p': [bob.pubkey] }, { onevent: resolve, onauth: sign, onclose: (reasons) => reject(new Error(JSON.stringify(reasons))) })),
      'a gift wrap');
    assert.equal(wrap.kind, 1059);
    pool.destroy();
  });
});

describe('NIP-45', () => {
  it('counts what a REQ would bring', async () => {
    const start = now(); // once: a second that passes in between would make two of them one event
    for (let i = 0; i < 7; ++i) await alice.publish({ kind: 1, created_at: start - i, tags: [['t', 'counted']] });
    assert.equal(await bob.relay.count([{ '#t': ['counted'] }], {}), 7);
    assert.equal(await bob.relay.count([{ '#t': ['nothing'] }], {}), 0);
  });
});

describe('NIP-62', () => {
  it('who vanishes is forgotten, wraps to them included, and does not come back', async () => {
    const carol = await Person.join(relay.url);
    const note = await carol.publish({ kind: 1, created_at: now() - 5, content: 'old' });
    const wrap = await alice.say(carol.pubkey, 'you will not read this');
    assert.match(await refusalOf(carol, carol.sign({ kind: 62, tags: [['relay', 'wss://elsewhere.example']] })), /^invalid:/);
    const request = await carol.publish({ kind: 62, content: 'bye', tags: [['relay', relay.url]] });
    assert.deepEqual(ids(await bob.fetch({ authors: [carol.pubkey] })), [request.id]);
    assert.match(await refusalOf(carol, note), /^blocked:/);
    assert.equal(await carol.fetch({ kinds: [1059], '#p': [carol.pubkey], ids: [wrap.id] }).then((found) => found.length), 0);
    const again = await carol.publish({ kind: 1, created_at: now() + 2, content: 'new' });
    assert.deepEqual(ids(await bob.fetch({ kinds: [1], authors: [carol.pubkey] })), [again.id]);
    carol.leave();
  });
});

describe('NIP-67', () => {
  it('EOSE tells whether a limit kept something back', async () => {
    for (const content of ['1', '2', '3']) await alice.publish({ kind: 1, content, tags: [['t', 'hinted']] });
    const socket = new WebSocket(relay.url);
    const eose = (id, filter) => {
      const heard = new Promise((resolve) => {
        socket.addEventListener('message', ({ data }) => {
          const frame = JSON.parse(data);
          if (frame[0] === 'EOSE' && frame[1] === id) resolve(frame[2]);
        });
      });
      socket.send(JSON.stringify(['REQ', id, filter]));
      return within(heard, 'EOSE');
    };
    await within(new Promise((resolve) => socket.addEventListener('open', resolve)), 'the socket');
    assert.deepEqual(await eose('a', { '#t': ['hinted'] }), ['finish']);
    assert.deepEqual(await eose('b', { '#t': ['hinted'], limit: 3 }), ['finish']);
    assert.deepEqual(await eose('c', { '#t': ['hinted'], limit: 2 }), ['more']);
    socket.close();
  });
});

describe('NIP-77', () => {
  /** What nostr-tools finds out about `filter` when it has `events`. */
  async function reconcile(person, events, filter) {
    const storage = new nip77.NegentropyStorageVector();
    for (const event of events) storage.insert(event.created_at, event.id);
    storage.seal();
    const have = [];
    const need = [];
    const done = new Promise((resolve, reject) => {
      const sync = new nip77.NegentropySync(person.relay, storage, filter, {
        onhave: (id) => have.push(id),
        onneed: (id) => need.push(id),
        onclose: (reason) => (reason === undefined ? resolve() : reject(new Error(reason))),
      });
      sync.start().catch(reject);
    });
    await within(done, 'the reconciliation');
    return { have: have.sort(), need: need.sort() };
  }

  it('nostr-tools finds every difference, small and large', async () => {
    const at = now() - 10_000;
    const events = Array.from({ length: 300 }, (_, i) => alice.sign({ kind: 1, created_at: at + Math.floor(i / 3), content: `${i}`, tags: [['t', 'neg']] }));
    await Promise.all(events.map((event) => alice.relay.publish(event)));
    const filter = { kinds: [1], '#t': ['neg'] };
    const extra = bob.sign({ kind: 1, created_at: at + 5, content: 'bob has it', tags: [['t', 'neg']] });
    assert.deepEqual(await reconcile(bob, events, filter), { have: [], need: [] });
    assert.deepEqual(await reconcile(bob, [...events.slice(2), extra], filter), { have: [extra.id], need: ids(events.slice(0, 2)).sort() });
    assert.deepEqual(await reconcile(bob, [], filter), { have: [], need: ids(events).sort() });
    assert.deepEqual(await reconcile(bob, events.filter((_, i) => i % 2), filter), { have: [], need: ids(events.filter((_, i) => i % 2 === 0)).sort() });
  });

  it('private messages are not in a stranger\'s set', async () => {
    const wrap = await alice.say(bob.pubkey, 'not for all');
    assert.ok(!(await reconcile(alice, [], { since: now() - 3 * 86_400, '#p': [bob.pubkey] })).need.includes(wrap.id));
    assert.ok((await reconcile(bob, [], { kinds: [1059], '#p': [bob.pubkey] })).need.includes(wrap.id));
  });
});

describe('NIP-70', () => {
  it('protected events are taken from their author only', async () => {
    const event = alice.sign({ kind: 1, content: 'mine', tags: [['-']] });
    assert.match(await refusalOf(bob, event), /^(auth-required|restricted|blocked):/);
    await alice.relay.publish(event); // she authenticated when she asked for her messages
    assert.deepEqual(ids(await bob.fetch({ ids: [event.id] })), [event.id]);
  });
});

describe('SimplePool', () => {
  it('publishes to two relays and reads every event once', async () => {
    const second = await startRelay();
    const pool = new SimplePool();
    const urls = [relay.url, second.url];
    const event = alice.sign({ kind: 1, content: 'twice', tags: [['t', 'pooled']] });
    await Promise.all(pool.publish(urls, event));
    assert.deepEqual(ids(await pool.querySync(urls, { '#t': ['pooled'] })), [event.id]);
    assert.equal((await pool.get([second.url], { ids: [event.id] })).id, event.id);
    pool.destroy();
    await second.stop();
  });
});
