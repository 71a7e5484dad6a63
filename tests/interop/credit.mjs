// Credit (NIP-AC) among people who know nothing of `sovereign`: nostr-tools writes for agent, issuer, guardian and
// strangers, a relay carries it in whatever order, and `sovereign credit status` says what is left. Never more than the
// cap is drawn, nothing counts twice, what is over stays over. A second reader, from the text of the rules, comes to the
// same sums.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';

import { readCredit } from './support/credit_reader.mjs';
import { Person, now } from './support/person.mjs';
import { run, startRelay } from './support/sovereign.mjs';

const SCOPE = ['scope', 'nip90', 'f'.repeat(64)];
const chance = () => randomBytes(16).toString('hex');

/** One envelope and whoever has to do with it; everything they say is on the relay. */
class Credit {
  static async open(url, terms = {}) {
    const credit = new Credit();
    credit.url = url;
    credit.id = `env-${chance()}`;
    credit.at = now() - 600;
    credit.ends = now() + 7200;
    credit.finalAt = now() + 3600;
    for (const name of ['agent', 'issuer', 'guardian', 'mallory']) credit[name] = await Person.join(url);
    credit.terms = { max: 3500, guardian: [['guardian', credit.guardian.pubkey], ['approval_threshold', '2000']], ...terms };
    await credit.envelope();
    return credit;
  }

  leave() {
    for (const name of ['agent', 'issuer', 'guardian', 'mallory']) this[name].leave();
  }

  /** Each later by a second than the one before, as relays want versions of one address. */
  publish(person, template) {
    this.at += 1;
    return person.publish({ created_at: this.at, ...template });
  }

  envelope(change = {}, by = this.issuer) {
    const { max, guardian } = { ...this.terms, ...change };
    return this.publish(by, { kind: 39242, content: '{"schema":1,"repayment":{"fee_bps":200}}', tags: [['d', this.id], ['p', this.agent.pubkey], ['issuer', by.pubkey], SCOPE,
      ['max', String(max)], ['exp', String(this.ends)], ['status', 'accepted'], ...guardian, ['cancel_until', String(this.finalAt)]] });
  }

  spend(sats, by = this.agent, d = `sp-${chance()}`) {
    return this.publish(by, { kind: 39243, content: JSON.stringify({ schema: 1, spend_sats: sats, reason: 'summarise a feed' }),
      tags: [['d', d], ['p', this.issuer.pubkey], ['credit', this.id], ['a', `39242:${this.issuer.pubkey}:${this.id}`], SCOPE, ['max', String(sats)], ['exp', String(now() + 3600)]] });
  }

  receipt(spend, spent, fee, by = this.issuer) {
    return this.publish(by, { kind: 39244, content: JSON.stringify({ schema: 1, spent_sats: spent, fee_sats: fee, outcome: 'success' }),
      tags: [['d', spend.id], ['credit', this.id], ['a', `39242:${this.issuer.pubkey}:${this.id}`], ['p', this.agent.pubkey], ['issuer', this.issuer.pubkey], SCOPE, ['e', 'e'.repeat(64), '', 'root'], ['status', 'settled']] });
  }

  cancel(spend, by = this.guardian) {
    return this.publish(by, { kind: 39246, tags: [['d', spend.id], ['e', spend.id], ['credit', this.id]] });
  }

  decide(spend, decision, by = this.guardian) {
    return this.publish(by, { kind: 39213, tags: [['d', spend.id], ['p', this.agent.pubkey], ['e', spend.id], ['decision', decision]] });
  }

  fail(loss) {
    return this.publish(this.issuer, { kind: 39245, content: JSON.stringify({ schema: 1, reason: 'the acceptance tests did not pass', loss_sats: loss }),
      tags: [['d', `${this.id}:default`], ['credit', this.id], ['p', this.agent.pubkey], ['issuer', this.issuer.pubkey], SCOPE, ['status', 'defaulted']] });
  }

  /** What `credit status` makes of it all, however it is ordered: { account, refused }. */
  async status(events) {
    events ??= await this.agent.fetch({ kinds: [39213, 39242, 39243, 39244, 39245, 39246], authors: ['agent', 'issuer', 'guardian', 'mallory'].map((name) => this[name].pubkey) });
    const shuffled = events.map((event) => [Math.random(), event]).sort((a, b) => a[0] - b[0]).map(([, event]) => event);
    const result = await run(['credit', 'status', '--issuer', this.issuer.pubkey, '--json'], { input: shuffled.map((event) => JSON.stringify(event)).join('\n') });
    const refused = new Map(result.err.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)).map((said) => [said.event, said.detail.split(':')[0]]));
    assert.equal(result.code, refused.size > 0 ? 1 : 0, result.err);
    assert.equal(result.json.length, 1, result.err);
    const [account] = result.json;
    assert.ok(account.committed_sat <= account.max_sat);
    assert.equal(account.envelope, this.id);
    // The same by a reader that has not a line of ours.
    const read = readCredit(events, this.issuer.pubkey);
    assert.deepEqual([read.account.committed, read.account.settled, read.account.remaining, read.account.lost, read.account.envelope.status],
      [account.committed_sat, account.settled_sat, account.remaining_sat, account.lost_sat, account.status]);
    assert.deepEqual([...read.account.draws].map(([id, draw]) => [id, draw.amount, draw.fee, draw.state]).sort(),
      account.draws.map((draw) => [draw.id, draw.amount_sat, draw.fee_sat, draw.state]).sort());
    assert.deepEqual([...read.refused.keys()].sort(), [...refused.keys()].sort());
    return { account, refused };
  }
}

describe('a credit that others write', () => {
  const here = {};
  before(async () => {
    here.relay = await startRelay();
  });
  after(() => here.relay?.stop());
  /** A case with an envelope of its own. */
  const on = (name, terms, body) =>
    it(name, async () => {
      const credit = await Credit.open(here.relay.url, terms);
      try {
        await body(credit);
      } finally {
        credit.leave();
      }
    });

  on('is drawn from and settled: what is left is what nobody has', {}, async (credit) => {
    const spend = await credit.spend(1000);
    assert.equal((await credit.status()).account.remaining_sat, 3500 - 1020, 'the fee of two percent is set aside');
    await credit.receipt(spend, 900, 18);
    const { account, refused } = await credit.status();
    assert.deepEqual([account.settled_sat, account.remaining_sat, refused.size], [918, 2582, 0]);
    assert.deepEqual(account.draws, [{ id: spend.id, amount_sat: 900, fee_sat: 18, state: 'settled' }]);
  });

  on('never gives more than its cap, though each spend fits', { guardian: [] }, async (credit) => {
    const spends = [await credit.spend(1500), await credit.spend(1500), await credit.spend(1500)];
    const { account, refused } = await credit.status();
    assert.equal(account.committed_sat, 3060);
    assert.deepEqual([...refused], [[spends[2].id, 'E_BUDGET']]);
  });

  on('counts nothing twice: copies, a second receipt, a second spend under one d', { guardian: [] }, async (credit) => {
    const spend = await credit.spend(1000, credit.agent, 'sp-one');
    const receipt = await credit.receipt(spend, 1000, 20);
    const events = await credit.agent.fetch({ kinds: [39242, 39243, 39244], authors: [credit.agent.pubkey, credit.issuer.pubkey] });
    const twin = credit.agent.sign({ kind: 39243, created_at: spend.created_at + 1, content: spend.content, tags: spend.tags });
    const second = credit.issuer.sign({ kind: 39244, created_at: receipt.created_at + 1, content: receipt.content.replace('1000', '500'), tags: receipt.tags });
    const { account, refused } = await credit.status([...events, ...events, twin, second]);
    assert.deepEqual([account.settled_sat, account.draws.length], [1020, 1]);
    assert.deepEqual([...refused].sort(), [[twin.id, 'E_CONFLICT'], [second.id, 'E_CONFLICT']].sort());
  });

  on('asks its guardian from the threshold on, about this very spend', {}, async (credit) => {
    const spend = await credit.spend(2000);
    const theirs = await credit.decide(spend, 'approved', credit.mallory);
    let { account, refused } = await credit.status();
    assert.deepEqual([account.draws[0].state, refused.get(theirs.id)], ['awaiting', 'E_AUTHZ']);
    await credit.decide(spend, 'approved');
    ({ account } = await credit.status());
    assert.equal(account.draws[0].state, 'committed');
    const denied = await credit.spend(2000);
    ({ refused } = await credit.status());
    assert.equal(refused.get(denied.id), 'E_BUDGET');
  });

  on('takes a spend back within the window, for good', {}, async (credit) => {
    const spend = await credit.spend(1900);
    const theirs = await credit.cancel(spend, credit.mallory);
    assert.equal((await credit.status()).refused.get(theirs.id), 'E_AUTHZ');
    await credit.cancel(spend);
    const late = await credit.receipt(spend, 100, 2);
    const { account, refused } = await credit.status();
    assert.deepEqual([account.remaining_sat, account.draws[0].state, refused.get(late.id)], [3500, 'cancelled', 'E_STATE']);
  });

  on('knows whose word counts: strangers open, spend, settle and end nothing', {}, async (credit) => {
    const spend = await credit.spend(1000);
    const wrong = [await credit.envelope({ max: 9_000_000 }, credit.mallory), await credit.spend(10, credit.mallory), await credit.receipt(spend, 1, 0, credit.mallory)];
    const events = await credit.agent.fetch({ kinds: [39242, 39243, 39244], authors: [credit.agent.pubkey, credit.issuer.pubkey, credit.mallory.pubkey] });
    const forged = JSON.parse(JSON.stringify(spend));
    forged.content = forged.content.replace('1000', '1');
    const { account, refused } = await credit.status(events);
    assert.deepEqual(wrong.map((event) => refused.get(event.id)), ['E_UNTRUSTED', 'E_SIGNER', 'E_SIGNER']);
    assert.equal(account.committed_sat, 1020);
    const tampered = await credit.status(events.map((event) => (event.id === spend.id ? forged : event)));
    assert.equal(tampered.refused.get(spend.id), 'E_SIG');
  });

  on('is over once it is over', {}, async (credit) => {
    const opened = await credit.agent.fetch({ kinds: [39242], authors: [credit.issuer.pubkey] });
    const spend = await credit.spend(1000);
    const notice = await credit.fail(1000);
    const after = [await credit.spend(10), await credit.receipt(spend, 1000, 20), await credit.cancel(spend), await credit.envelope()];
    const events = await credit.agent.fetch({ kinds: [39242, 39243, 39244, 39245, 39246], authors: [credit.agent.pubkey, credit.issuer.pubkey, credit.guardian.pubkey] });
    const { account, refused } = await credit.status([...opened, ...events]);
    assert.deepEqual([account.status, account.lost_sat, account.remaining_sat], ['defaulted', 1000, 0]);
    assert.deepEqual(after.map((event) => refused.get(event.id)), Array(4).fill('E_STATE'));
    assert.ok(!refused.has(notice.id));
  });

  on('may be lowered and not raised', { guardian: [] }, async (credit) => {
    const opened = await credit.agent.fetch({ kinds: [39242], authors: [credit.issuer.pubkey] });
    const spend = await credit.spend(1000);
    const lower = await credit.envelope({ max: 2000 });
    const higher = await credit.envelope({ max: 9000 });
    const { account, refused } = await credit.status([...opened, spend, lower, higher]);
    assert.deepEqual([account.max_sat, account.remaining_sat, refused.get(higher.id)], [2000, 980, 'E_STATE']);
  });
});
