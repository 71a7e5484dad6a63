// Delegations (39260) and proofs of a key (33410, 33411), as `sovereign` writes them and as nostr-tools does: a reader
// that shares no code with it (support/flow_reader.mjs) and `sovereign` itself find the same to stand.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { finalizeEvent } from 'nostr-tools/pure';

import { readDelegation, readProof } from './support/flow_reader.mjs';
import { Person, now } from './support/person.mjs';
import { Refusal } from './support/reader.mjs';
import { ok, run, scratch, startRelay } from './support/sovereign.mjs';

const refuses = (read, rule) => assert.throws(read, (error) => error instanceof Refusal && rule.test(error.message));
const copy = (event) => JSON.parse(JSON.stringify(event));
const SCOPE = `nip90:${'f'.repeat(64)}`;

/** A relay and people who each have a key file too. */
class Place {
  static async open(...names) {
    const place = new Place();
    place.files = scratch();
    place.relay = await startRelay();
    place.people = names;
    for (const name of names) {
      place[name] = await Person.join(place.relay.url);
      place[name].file = place.files.write(`${name}.key`, place[name].nsec);
    }
    return place;
  }

  async close() {
    for (const name of this.people) this[name].leave();
    await this.relay.stop();
    this.files.remove();
  }

  /** A command by somebody. */
  as(person, ...args) {
    return [...args, '--key-file', person.file, '--relay', this.relay.url, '--json'];
  }
  async event(id) {
    const [found] = await this.anna.fetch({ ids: [id] });
    return copy(found);
  }
}

describe('an errand', () => {
  let here;
  before(async () => {
    here = await Place.open('anna', 'bert', 'carl', 'mallory');
  });
  after(() => here?.close());

  const show = async (id) => {
    const result = await run(['delegation', 'show', id, '--relay', here.relay.url, '--json']);
    return { code: result.code, ...result.json[0] };
  };
  const read = (event, more) => readDelegation(event, { delegate: here.bert.pubkey, now: now(), ...more });

  it('is given: to one, for one thing, for a while, up to a sum', async () => {
    const given = await ok(here.as(here.anna, 'delegation', 'give', here.bert.npub, 'Collect five sources', '--scope', SCOPE,
      '--capability', 'nostr:read', '--capability', 'http:outbound', '--max', '300', '--for', '1h'));
    here.first = await here.event(given.json[0].id);
    here.one = read(here.first);
    assert.deepEqual([here.one.parent, here.one.task, here.one.most], [here.anna.pubkey, 'Collect five sources', 300]);
    assert.deepEqual([...here.one.capabilities].sort(), ['http:outbound', 'nostr:read']);
    const shown = await show(here.first.id);
    assert.deepEqual([shown.code, shown.state, shown.to, shown.max_sat], [0, 'live', here.bert.pubkey, 300]);
  });

  it('and is not anybody else’s, longer, or another thing', () => {
    refuses(() => read(here.first, { delegate: here.carl.pubkey }), /somebody else/);
    refuses(() => read(here.first, { now: now() + 3_601 }), /over/);
    refuses(() => read({ ...here.first, content: 'Spend it all' }), /id/);
    refuses(() => read(here.first, { chain: [here.one] }), /stands above/);
  });

  it('is given on, and never grows', async () => {
    const given = await ok(here.as(here.bert, 'delegation', 'give', here.carl.npub, 'Two of them', '--scope', SCOPE,
      '--capability', 'nostr:read', '--max', '100', '--for', '10m', '--under', here.first.id));
    const below = await here.event(given.json[0].id);
    const two = read(below, { delegate: here.carl.pubkey, chain: [here.one] });
    assert.deepEqual([two.parent, two.most], [here.bert.pubkey, 100]);
    assert.equal((await show(below.id)).state, 'live');

    const more = await run(here.as(here.bert, 'delegation', 'give', here.carl.npub, 'All of it', '--scope', SCOPE,
      '--max', '301', '--for', '10m', '--under', here.first.id));
    assert.notEqual(more.code, 0, 'ours does not write it');
    const by = async (person, change) => {
      const { kind, tags, content } = copy(below);
      tags[0][1] = `del-${randomBytes(16).toString('hex')}`;
      change(tags);
      return person.publish({ kind, tags, content });
    };
    const set = (name, value) => (tags) => (tags.find((tag) => tag[0] === name)[1] = value);
    for (const [event, rule] of [
      [await by(here.bert, set('max_amount', '301')), /grows/],
      [await by(here.bert, set('exp', String(here.one.expires + 1))), /grows/],
      [await by(here.bert, (tags) => tags.push(['capability', 'fs:write'])), /may do more/],
      [await by(here.mallory, () => {}), /given on by somebody else/],
    ]) {
      refuses(() => read(copy(event), { delegate: here.carl.pubkey, chain: [here.one] }), rule);
      const shown = await show(event.id);
      assert.notEqual(shown.code, 0, `ours takes it: ${JSON.stringify(shown)}`);
    }
    here.below = below;
  });

  it('is taken back by who gave it, with all that hangs on it', async () => {
    const foreign = await here.mallory.publish({ kind: 5, tags: [['e', here.first.id], ['k', '39260']] });
    assert.doesNotThrow(() => read(here.first, { deletions: [foreign] }));
    assert.equal((await show(here.first.id)).state, 'live');
    const taken = await ok(here.as(here.anna, 'delegation', 'revoke', here.first.id, '--reason', 'done otherwise'));
    const deletion = await here.event(taken.json[0].id);
    assert.deepEqual([deletion.kind, deletion.pubkey], [5, here.anna.pubkey]);
    refuses(() => read(here.first, { deletions: [deletion] }), /taken back/);
    assert.notEqual((await show(here.first.id)).code, 0);
    assert.notEqual((await show(here.below.id)).code, 0, 'nor what was given on under it');
  });
});

describe('a proof of a key', () => {
  let here;
  before(async () => {
    here = await Place.open('anna', 'bert', 'mallory');
  });
  after(() => here?.close());

  /** Asks as anna, lets `answer` do something about the challenge, and gives what ours made of it. */
  const ask = async (answer) => {
    const challenges = here.anna.follow({ kinds: [33410], '#p': [here.bert.pubkey], authors: [here.anna.pubkey], since: now() - 60 });
    const asked = run(here.as(here.anna, 'proof', 'ask', here.bert.npub, '--for', '60s'));
    const challenge = copy(await challenges.when((event) => !here.seen?.has(event.id), 'the challenge'));
    here.seen = new Set([...(here.seen ?? []), challenge.id]);
    await answer(challenge);
    return { challenge, result: await asked };
  };
  const response = (challenge, person, change = {}) => {
    const nonce = challenge.tags.find((tag) => tag[0] === 'nonce')[1];
    const tags = [['d', challenge.id], ['e', challenge.id, here.relay.url], ['p', change.p ?? challenge.pubkey], ['nonce', change.nonce ?? nonce],
      ['expiration', challenge.tags.find((tag) => tag[0] === 'exp')[1]]];
    return finalizeEvent({ kind: 33411, created_at: now(), tags, content: '' }, person.key);
  };

  it('is asked for and given by ours, and holds before a reader that knows neither', async () => {
    const { challenge, result } = await ask((event) => ok(here.as(here.bert, 'proof', 'give', event.id)));
    assert.equal(result.code, 0, result.err);
    assert.equal(result.json[0].pubkey, here.bert.pubkey);
    const given = await here.event(result.json[0].response);
    const answered = new Set();
    assert.equal(readProof(challenge, given, { asker: here.anna.pubkey, answered, now: now() }), here.bert.pubkey);
    const again = (more) => () => readProof(challenge, given, { asker: here.anna.pubkey, now: now(), ...more });
    refuses(again({ answered }), /answered before/);
    refuses(again({ asker: here.mallory.pubkey }), /another’s/);
    refuses(again({ now: now() + 120 }), /too late/);
    refuses(() => readProof(challenge, copy(response(challenge, here.mallory)), { asker: here.anna.pubkey, now: now() }), /somebody else/);
    refuses(() => readProof(challenge, copy(response(challenge, here.bert, { nonce: '0'.repeat(64) })), { asker: here.anna.pubkey, now: now() }), /nonce/);
  });

  it('is taken from a stranger’s client, and from nobody who does not hold the key', async () => {
    const { result } = await ask(async (challenge) => {
      for (const wrong of [response(challenge, here.mallory), response(challenge, here.bert, { nonce: '0'.repeat(64) }), response(challenge, here.bert, { p: here.mallory.pubkey })])
        await here.mallory.relay.publish(wrong);
      // A second later: wrong ones of the same key stand at the same address.
      const { kind, tags, content } = response(challenge, here.bert);
      here.right = await here.bert.publish({ kind, tags, content, created_at: now() + 1 });
    });
    assert.equal(result.code, 0, result.err);
    assert.deepEqual([result.json[0].pubkey, result.json[0].response], [here.bert.pubkey, here.right.id]);
  });
});
