// `sovereign relay` as NDK meets it: publishing, subscriptions, AUTH by policy, COUNT, deletion, and its
// NIP-77 package.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import NDK, { NDKEvent, NDKPrivateKeySigner, NDKRelayAuthPolicies } from '@nostr-dev-kit/ndk';
import { NDKSync } from '@nostr-dev-kit/sync';
import { generateSecretKey } from 'nostr-tools/pure';
import { matchFilters } from 'nostr-tools/filter';
import { bytesToHex } from 'nostr-tools/utils';

import { Heard, now } from './support/person.mjs';
import { startRelay, within } from './support/sovereign.mjs';

/** What NDK keeps locally: just enough of its cache interface for NDKSync. */
class MemoryCache {
  locking = true;
  ready = true;
  events = new Map();

  query(subscription) {
    const found = [...this.events.values()].filter((event) => matchFilters(subscription.filters, event.rawEvent()));
    return Promise.resolve(found);
  }
  async setEvent(event) {
    this.events.set(event.id, event);
  }
}

class Person {
  cache = new MemoryCache();

  static async join(url) {
    const person = new Person();
    person.signer = new NDKPrivateKeySigner(bytesToHex(generateSecretKey()));
    person.ndk = new NDK({ explicitRelayUrls: [url], signer: person.signer, cacheAdapter: person.cache, enableOutboxModel: false });
    person.ndk.relayAuthDefaultPolicy = NDKRelayAuthPolicies.signIn({ ndk: person.ndk, signer: person.signer });
    person.pubkey = (await person.signer.user()).pubkey;
    const connected = new Promise((resolve) => person.ndk.pool.on('relay:ready', resolve));
    await person.ndk.connect();
    await within(connected, 'the relay to be ready');
    return person;
  }

  async event(template) {
    const event = new NDKEvent(this.ndk, { created_at: now(), tags: [], content: '', pubkey: this.pubkey, ...template });
    await event.sign();
    return event;
  }
  async publish(template) {
    const event = await this.event(template);
    const relays = await within(event.publish(), 'the event to be accepted');
    assert.equal(relays.size, 1);
    return event;
  }
  async fetch(...filters) {
    const events = await within(this.ndk.fetchEvents(filters, { cacheUsage: 'ONLY_RELAY', groupable: false }), 'stored events');
    return [...events];
  }
  /** Resolves at EOSE; the list goes on growing. */
  follow(filter) {
    const heard = new Heard();
    const ready = new Promise((resolve) => {
      this.ndk.subscribe(filter, { closeOnEose: false, groupable: false, cacheUsage: 'ONLY_RELAY', onEvent: (event) => heard.add(event), onEose: () => resolve(heard) });
    });
    return within(ready, 'the subscription');
  }
  leave() {
    for (const relay of this.ndk.pool.relays.values()) relay.disconnect();
  }
}

const ids = (events) => events.map((event) => event.id);

describe('NDK', () => {
  let server;
  let alice;
  let bob;
  before(async () => {
    server = await startRelay();
    alice = await Person.join(server.url);
    bob = await Person.join(server.url);
  });
  after(async () => {
    alice.leave();
    bob.leave();
    await server.stop();
  });

  it('publishes, reads what is stored and hears what is new', async () => {
    const live = await bob.follow({ kinds: [1], '#t': ['ndk'] });
    const event = await alice.publish({ kind: 1, content: 'hello', tags: [['t', 'ndk']] });
    assert.equal((await live.when(() => true, 'the live event')).id, event.id);
    assert.deepEqual(ids(await bob.fetch({ ids: [event.id] })), [event.id]);
  });

  it('counts', async () => {
    const start = now();
    for (let i = 0; i < 4; ++i) await alice.publish({ kind: 1, created_at: start - i, tags: [['t', 'ndk-count']] });
    const result = await within(bob.ndk.count([{ '#t': ['ndk-count'] }]), 'the count');
    assert.equal(result.count, 4);
  });

  it('sees one survivor of a replaceable tie, and no deleted event', async () => {
    const at = now() - 5;
    const versions = [await alice.event({ kind: 30023, created_at: at, content: 'a', tags: [['d', 'tie']] }), await alice.event({ kind: 30023, created_at: at, content: 'b', tags: [['d', 'tie']] })];
    for (const event of versions) await event.publish().catch(() => {}); // refused or accepted: both are right
    assert.deepEqual(ids(await bob.fetch({ kinds: [30023], authors: [alice.pubkey] })), [ids(versions).sort()[0]]);
    const note = await alice.publish({ kind: 1, content: 'regret' });
    await within(note.delete(), 'the deletion');
    assert.deepEqual(await bob.fetch({ ids: [note.id] }), []);
  });

  it('authenticates by its policy and then reads what is for it', async () => {
    const wrap = await alice.publish({ kind: 1059, content: 'sealed', tags: [['p', bob.pubkey]] });
    const inbox = await bob.follow({ kinds: [1059], '#p': [bob.pubkey] });
    assert.equal((await inbox.when((event) => event.id === wrap.id, 'the wrap')).content, 'sealed');
  });

  it('finds by negentropy what it lacks and what only it has', async () => {
    const start = now() - 100;
    const known = [];
    for (let i = 0; i < 40; ++i) known.push(await alice.publish({ kind: 1, created_at: start + i, content: `${i}`, tags: [['t', 'ndk-sync']] }));
    const mine = await bob.event({ kind: 1, created_at: start + 7, content: 'mine', tags: [['t', 'ndk-sync']] });
    for (const event of [...known.slice(3), mine]) await bob.cache.setEvent(event);
    const result = await within(NDKSync.sync(bob.ndk, { kinds: [1], '#t': ['ndk-sync'] }, { autoFetch: true }), 'the sync');
    assert.deepEqual([...result.have], [mine.id]);
    assert.deepEqual([...result.need].sort(), ids(known.slice(0, 3)).sort());
    assert.deepEqual(ids(result.events).sort(), ids(known.slice(0, 3)).sort(), 'and fetches it');
  });
});
