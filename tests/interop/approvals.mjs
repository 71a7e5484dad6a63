// Answers to a co-signer's questions, made by the code of other people's clients where a library of
// theirs makes them (nostr-tools, NDK), and by hand in the exact shape that a client emits where not.
// Each family approves, denies after a stranger tried to approve in its way, is not heard twice, and
// comes too late.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import NDK, { NDKEvent, NDKPrivateKeySigner } from '@nostr-dev-kit/ndk';
import * as nip04 from 'nostr-tools/nip04';
import * as nip17 from 'nostr-tools/nip17';
import * as nip25 from 'nostr-tools/nip25';
import * as nip44 from 'nostr-tools/nip44';
import * as nip59 from 'nostr-tools/nip59';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';

import { Person, now } from './support/person.mjs';
import { ok, scratch, start, startRelay, within } from './support/sovereign.mjs';
import { approvalCode, codeIn, kinds, tag } from './support/world.mjs';

const shown = (code) => `${code.slice(0, 4)}-${code.slice(4)}`;

/** A co-signer, its operator, and a runner that asks it: the smallest place where a question is put. */
class Guard {
  static async open(url, { inbox }) {
    const guard = new Guard();
    guard.files = scratch();
    guard.url = url;
    guard.runner = generateSecretKey();
    guard.operator = await Person.join(url);
    guard.stranger = await Person.join(url);
    if (inbox) await guard.operator.publishInbox();
    const keys = guard.files.at('keys');
    const [dealt] = (await ok(['frost', 'deal', '-t', '2', '-n', '3', '--out', keys, '--json'])).json;
    guard.agent = dealt.identity;
    const home = guard.files.at('guard');
    const [made] = (await ok(['cosigner', 'init', '--home', home, '--group', `${keys}/group.txt`, '--share', `${keys}/share-2.txt`,
      '--operator', guard.operator.npub, '--runner', getPublicKey(guard.runner), '--relay', url, '--json'])).json;
    guard.asker = made.service;
    const policy = guard.files.at('guard', 'policy.toml');
    writeFileSync(policy, readFileSync(policy, 'utf8').replace('public_mentions = false', 'public_mentions = true'));
    guard.home = home;
    guard.service = await start(['cosigner', '--home', home]);
    guard.log = guard.stranger.follow({ kinds: [kinds.decision], authors: [guard.asker] }, { kinds: [1], authors: [guard.asker] });
    return guard;
  }

  async close() {
    await this.service?.stop();
    this.operator.leave();
    this.stranger.leave();
    this.files.remove();
  }

  /** Asks, as a runner would, whether the agent may say `content`. */
  async ask(content, seconds = 600) {
    const event = { pubkey: this.agent, created_at: now(), kind: 1, tags: [], content };
    const digest = createHash('sha256').update(JSON.stringify([0, event.pubkey, 0, event.kind, event.tags, event.content])).digest('hex');
    const key = nip44.getConversationKey(this.runner, this.asker);
    const body = nip44.encrypt(JSON.stringify({ v: 1, event: JSON.stringify(event) }), key);
    let request;
    do {
      request = finalizeEvent({
        kind: kinds.request, created_at: now(), content: body,
        tags: [['d', `apr-${randomBytes(16).toString('hex')}`], ['p', this.asker], ['p', this.operator.pubkey], ['e', randomBytes(32).toString('hex')],
          ['agent', this.agent], ['action', 'kind:1'], ['action_hash', digest], ['exp', String(now() + seconds)]],
      }, this.runner);
    } while (!/[0-9]/.test(approvalCode(request.id)));
    await this.stranger.relay.publish(request);
    const code = shown(approvalCode(request.id));
    const message = await this.operator.messages.when((item) => item.from === this.asker && item.text.includes(`no ${code}`), `the question ${code}`);
    assert.equal(codeIn(message.text), code);
    const mention = await this.log.when((item) => item.kind === 1 && item.content.includes(code), `the mention of ${code}`);
    return { request, digest, message, mention, code, asker: this.asker };
  }

  decision(question) {
    return this.log.when((event) => event.kind === kinds.decision && tag(event, 'd') === question.request.id, `the decision on ${question.code}`);
  }

  async state(question) {
    return (await ok(['approval', 'show', question.code, '--home', this.home, '--json'])).json[0];
  }
}

const wrap = (person, asker, rumor) => nip59.wrapEvent({ created_at: now(), ...rumor }, person.key, asker);
const legacy = (person, q, text, extra = []) =>
  person.sign({ kind: 4, tags: [['p', q.asker], ...extra], content: nip04.encrypt(person.key, q.asker, text) });

/** What NDK makes of an event on the relay: a reaction, or a reply. */
async function byNdk(url, person, target, act) {
  const ndk = new NDK({ explicitRelayUrls: [url], signer: new NDKPrivateKeySigner(person.key), enableOutboxModel: false });
  const made = await within(act(new NDKEvent(ndk, target)), 'NDK to make an event');
  await within(made.sign(), 'NDK to sign');
  return made.rawEvent();
}

/** Each: how one family of clients says yes or no to a question. */
const families = [
  { name: 'Damus: a NIP-04 message', inbox: false, say: (p, q, yes) => legacy(p, q, yes ? `Yes ${q.code}` : `No ${q.code}`) },
  { name: 'Primal: a NIP-04 message with a line feed', inbox: false,
    say: (p, q, yes) => legacy(p, q, yes ? `ok ${q.code.toLowerCase()}\n` : `no, too much ${q.code}\n`) },
  { name: 'noStrudel, by nostr-tools’ NIP-25: a public reaction to the NIP-04 message', inbox: false,
    say: (p, q, yes) => nip25.finishReactionEvent({ created_at: now(), content: yes ? '+' : '-' }, q.message.envelope, p.key) },
  { name: 'NDK: a reaction to the NIP-04 message', inbox: false,
    say: (p, q, yes, url) => byNdk(url, p, q.message.envelope, (event) => event.react(yes ? '👍' : '👎', false)) },
  { name: 'Coracle, by nostr-tools’ NIP-17: a message with the code', inbox: true,
    say: (p, q, yes) => nip17.wrapEvent(p.key, { publicKey: q.asker }, yes ? `yes ${q.code.replace('-', '').toLowerCase()}` : `nope ${q.code}`) },
  { name: 'Amethyst, by nostr-tools’ NIP-17: a reply', inbox: true,
    say: (p, q, yes, url) => nip17.wrapEvent(p.key, { publicKey: q.asker }, yes ? 'Approved!' : 'rejected', undefined, { eventId: q.message.id, relayUrl: url }) },
  { name: 'Amethyst: a wrapped reaction', inbox: true,
    say: (p, q, yes) => wrap(p, q.asker, { kind: 7, tags: [['e', q.message.id, '', q.asker], ['p', q.asker], ['k', '14']], content: yes ? '👍🏽' : '👎' }) },
  { name: '0xchat: a wrapped reaction whose rumor is signed', inbox: true,
    say: (p, q, yes) => wrap(p, q.asker, p.sign({ kind: 7, tags: [['p', q.asker], ['e', q.message.id]], content: yes ? '+' : '❌' })) },
  { name: 'Damus, by nostr-tools’ NIP-25: a reaction that copies the tags of the mention', inbox: true,
    say: (p, q, yes) => nip25.finishReactionEvent({ created_at: now(), content: yes ? '🤙' : '🛑' }, q.mention, p.key) },
  { name: 'Notedeck: a reaction with a skin tone', inbox: true,
    say: (p, q, yes) => p.sign({ kind: 7, tags: [['e', q.mention.id], ['p', q.asker]], content: yes ? '🤙🏻' : '👎🏿' }) },
  { name: 'NDK: a reply (NIP-10) to the mention', inbox: true,
    say: (p, q, yes, url) => byNdk(url, p, q.mention, async (event) => {
      const reply = event.reply();
      reply.content = yes ? 'yes' : 'no way';
      return reply;
    }) },
  { name: 'NDK: a comment (NIP-22) on the request', inbox: true,
    say: (p, q, yes, url) => byNdk(url, p, q.request, async (event) => {
      const reply = event.reply(true);
      reply.content = yes ? 'yes' : 'no, too expensive';
      return reply;
    }) },
  { name: 'a guardian’s tool: a decision (39213) of the operator', inbox: true,
    say: (p, q, yes) => p.sign({ kind: kinds.decision, tags: [['d', q.request.id], ['p', q.request.pubkey], ['e', q.request.id],
      ['decision', yes ? 'approved' : 'denied'], ['action_hash', q.digest]] }) },
];

describe('answers of other people’s clients', { concurrency: 4 }, () => {
  let relay;
  before(async () => (relay = await startRelay()));
  after(() => relay.stop());

  for (const family of families) {
    it(family.name, async () => {
      const guard = await Guard.open(relay.url, family);
      const say = async (person, question, yes) => {
        const event = await family.say(person, question, yes, relay.url);
        await person.relay.publish(event);
        return event;
      };
      try {
        const first = await guard.ask('the first thing');
        const yes = await say(guard.operator, first, true);
        const approved = await guard.decision(first);
        assert.deepEqual([tag(approved, 'decision'), tag(approved, 'action_hash')], ['approved', first.digest]);

        // A stranger's yes in the same shape, and the first yes once more: nothing comes of either.
        const second = await guard.ask('the second thing');
        await say(guard.stranger, second, true);
        await guard.operator.relay.publish(yes);
        await say(guard.operator, second, false);
        assert.equal(tag(await guard.decision(second), 'decision'), 'denied');

        const third = await guard.ask('the third thing', 4);
        await guard.operator.messages.when((item) => item.text.startsWith(`${third.code} expired`), 'word that the third expired');
        await say(guard.operator, third, true);
        const fourth = await guard.ask('the fourth thing');
        await say(guard.operator, fourth, true);
        await guard.decision(fourth);
        assert.equal((await guard.state(third)).state, 'expired');
        assert.equal((await guard.state(first)).decisions.length, 1);
        assert.equal((await guard.state(first)).answers.length, 1);

        // What was decided holds before anybody who trusts the operator's key alone.
        const evidence = await ok(['approval', 'show', first.code, '--evidence', '--home', guard.home]);
        const checked = await ok(['approval', 'verify', '-', '--operator', guard.operator.npub, '--json'], { input: evidence.out })
          .catch((error) => error);
        if (family.inbox) assert.equal(checked.json?.[0].standing, 'proven', String(checked));
      } catch (error) {
        error.message += `\n${guard.service.err()}`;
        throw error;
      } finally {
        await guard.close();
      }
    });
  }
});
