// `sovereign relay` as snstr meets it: its Relay, its events, its NIP-42 and NIP-17.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createDeletionRequest, createDirectMessage, createEvent, createSignedAuthEvent, decryptDirectMessage, generateKeypair, getEventHash, Relay, RelayEvent, signEvent } from 'snstr';

import { Heard, now } from './support/person.mjs';
import { startRelay, within } from './support/sovereign.mjs';

class Person {
  challenges = new Heard();
  closed = new Heard();

  static async join(url) {
    const person = new Person();
    Object.assign(person, await generateKeypair(), { url, relay: new Relay(url, { autoReconnect: false }) });
    person.relay.on(RelayEvent.Auth, (challenge) => person.challenges.add(challenge));
    person.relay.on(RelayEvent.Closed, (sub, reason) => person.closed.add({ sub, reason }));
    assert.equal(await within(person.relay.connect(), 'the connection'), true);
    return person;
  }

  async sign(template) {
    const event = { ...createEvent({ created_at: now(), tags: [], content: '', ...template }, this.publicKey) };
    event.id = await getEventHash(event);
    event.sig = await signEvent(event.id, this.privateKey);
    return event;
  }

  publish(event) {
    return within(this.relay.publish(event), 'the OK');
  }

  fetch(...filters) {
    const found = [];
    const done = new Promise((resolve) => {
      const sub = this.relay.subscribe(filters, (event) => found.push(event), () => {
        this.relay.unsubscribe(sub);
        resolve(found);
      });
    });
    return within(done, `events for ${JSON.stringify(filters)}`);
  }

  /** Resolves once the relay has sent what it has; the list goes on growing. */
  follow(...filters) {
    const heard = new Heard();
    const ready = new Promise((resolve) => this.relay.subscribe(filters, (event) => heard.add(event), () => resolve(heard)));
    return within(ready, 'the subscription');
  }

  async authenticate() {
    const challenge = await this.challenges.when(() => true, 'a challenge');
    const answer = await within(this.relay.authenticate(await createSignedAuthEvent(challenge, this.url, this.privateKey)), 'the OK of AUTH');
    assert.equal(answer.success, true, answer.reason);
  }
}

const ids = (events) => events.map((event) => event.id);

describe('snstr', () => {
  let server;
  let alice;
  let bob;
  before(async () => {
    server = await startRelay();
    alice = await Person.join(server.url);
    bob = await Person.join(server.url);
  });
  after(async () => {
    alice.relay.disconnect();
    bob.relay.disconnect();
    await server.stop();
  });

  it('publishes, reads what is stored and hears what is new', async () => {
    const live = await bob.follow({ kinds: [1], '#t': ['snstr'] });
    const event = await alice.sign({ kind: 1, content: 'hello "you" \u2028', tags: [['t', 'snstr']] });
    assert.equal((await alice.publish(event)).success, true);
    assert.equal((await live.when(() => true, 'the live event')).id, event.id);
    assert.deepEqual(ids(await bob.fetch({ ids: [event.id] })), [event.id]);
  });

  it('is told why an event is not taken', async () => {
    const event = await alice.sign({ kind: 1, content: 'x', created_at: now() + 4000 });
    const answer = await alice.publish(event);
    assert.equal(answer.success, false);
    assert.match(answer.reason, /invalid: created_at/);
  });

  it('sees the same survivor of a replaceable tie, and no deleted event', async () => {
    const at = now() - 5;
    const versions = [];
    for (const content of ['a', 'b']) versions.push(await alice.sign({ kind: 30023, created_at: at, content, tags: [['d', 'tie']] }));
    for (const event of versions) await alice.publish(event);
    assert.deepEqual(ids(await bob.fetch({ kinds: [30023], authors: [alice.publicKey] })), [ids(versions).sort()[0]]);
    const note = await alice.sign({ kind: 1, content: 'regret' });
    await alice.publish(note);
    const request = createDeletionRequest({ ids: [note.id] }, alice.publicKey);
    assert.equal((await alice.publish(await alice.sign(request))).success, true);
    assert.deepEqual(await bob.fetch({ ids: [note.id] }), []);
  });

  it('reads its gift wraps after AUTH, and nobody else does', async () => {
    const wrap = await createDirectMessage('for bob', alice.privateKey, bob.publicKey);
    assert.equal((await alice.publish(wrap)).success, true);
    bob.relay.subscribe([{ kinds: [1059], '#p': [bob.publicKey] }], () => assert.fail('served without AUTH'));
    assert.match((await bob.closed.when(() => true, 'a refusal')).reason, /^auth-required:/);
    await bob.authenticate();
    const inbox = await bob.follow({ kinds: [1059], '#p': [bob.publicKey] });
    const got = await inbox.when((event) => event.id === wrap.id, 'the message');
    assert.equal(decryptDirectMessage(got, bob.privateKey).content, 'for bob');
  });
});
