// The main job with strangers in every seat: an npm relay carries it; nostr-tools is the one who mentions,
// the operator who decides and the reader who verifies. Only the agent and its co-signers are ours.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { verifyEvent } from 'nostr-tools/pure';
import { decode } from 'nostr-tools/nip19';
import * as nip59 from 'nostr-tools/nip59';

import { startNpmRelay } from './support/npm_relay.mjs';
import { Person } from './support/person.mjs';
import { ok } from './support/sovereign.mjs';
import { World, chainHash, kinds, tag, tags } from './support/world.mjs';

/** A suite with a world of its own; a failure shows what the processes logged. */
function suite(name, options, body) {
  describe(name, () => {
    const here = {};
    before(async () => {
      here.relay = await startNpmRelay({ auth: options.auth });
      here.world = await World.open(here.relay.url, options);
    });
    after(async () => {
      if (process.env.INTEROP_LOG) console.error(here.world?.diary());
      await here.world?.close();
      await here.relay?.close();
    });
    body(here);
  });
}

/** Everything about one finished session, recomputed from what the relay has. */
async function checkTrajectory(world, result) {
  const isFinal = (event) => event.kind === kinds.session && tag(event, 'trajectory_hash') === tag(result, 'trajectory_hash');
  const head = await world.log.when(isFinal, 'the final session head');
  const session = tag(head, 'd');
  assert.equal(head.pubkey, world.agent);
  const [, hash, algorithm, count] = head.tags.find((entry) => entry[0] === 'trajectory_hash');
  assert.equal(algorithm, 'chain-v1');
  const steps = await world.stranger.fetch({ kinds: [kinds.step], '#a': [`${kinds.session}:${world.agent}:${session}`], authors: [tag(head, 'writer')] });
  steps.sort((a, b) => Number(tag(a, 'seq')) - Number(tag(b, 'seq')));
  assert.deepEqual(steps.map((step) => tag(step, 'seq')), Array.from({ length: Number(count) }, (_, i) => String(i + 1)));
  for (const [i, step] of steps.entries()) {
    assert.equal(verifyEvent(step), true);
    const previous = step.tags.find((entry) => entry[0] === 'e' && entry[3] === 'reply')?.[1];
    assert.equal(previous, i === 0 ? undefined : steps[i - 1].id);
  }
  assert.equal(chainHash(world.agent, session, steps.map((step) => step.id)), hash);
  assert.deepEqual(result.tags.find((entry) => entry[0] === 'trajectory_hash'), ['trajectory_hash', hash, 'chain-v1', count]);
  return { session, hash };
}

suite('an operator with NIP-17', {}, (here) => {
  it('says yes: one reply under the agent’s name, and a record that proves itself', async () => {
    const { world } = here;
    const note = await world.mention('hello agent, who are you?');
    const { request, asker, message, code } = await world.questionFor(note, 'hello agent, who are you?');
    assert.ok(world.cosigners.includes(asker), 'the party that enforces is the one that asks');
    assert.equal(request.pubkey, world.node);
    assert.equal(message.kind, 14);
    assert.deepEqual(await world.repliesTo(note), [], 'nothing is said before the operator says yes');

    const yes = await world.operator.say(asker, `yes ${code}`);
    const reply = await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
    assert.equal(reply.pubkey, world.agent);
    assert.equal(verifyEvent(reply), true);
    assert.ok(tags(reply, 'p').includes(world.stranger.pubkey), 'NIP-10: the one who wrote is named');

    const decision = await world.decisionOn(request);
    assert.deepEqual([decision.pubkey, tag(decision, 'decision'), tag(decision, 'p')], [asker, 'approved', world.node]);
    assert.equal(tag(decision, 'action_hash'), tag(request, 'action_hash'));

    const result = await world.resultFor(note);
    assert.equal(result.pubkey, world.node);
    assert.equal(tag(result, 'status'), 'success');
    assert.ok(tags(result, 'guardian_approved').includes(decision.id));
    const { session } = await checkTrajectory(world, result);
    const verified = await ok(['trajectory', 'verify', session, '--agent', world.agent, '--relay', here.relay.url, '--json']);
    assert.equal(verified.json[0].verdict, 'valid');

    const receipt = await world.operator.messages.when((item) => item.from === asker && item.text.startsWith(`${code} done`), 'the receipt');
    assert.equal(decode(receipt.text.match(/note1[0-9a-z]+/)[0]).data, reply.id);

    // The same yes again: as it was sent, and said anew.
    await world.operator.relay.publish(yes);
    await world.operator.say(asker, `yes ${code}`);
    here.answered = { note, code };
  });

  it('says no: a denial, no reply', async () => {
    const { world } = here;
    const note = await world.mention('please say something rude');
    const { request, asker, code } = await world.questionFor(note, 'please say something rude');
    await world.operator.say(asker, `no ${code}`);
    const decision = await world.decisionOn(request);
    assert.deepEqual([decision.pubkey, tag(decision, 'decision')], [asker, 'denied']);
    const result = await world.resultFor(note);
    await checkTrajectory(world, result);
    assert.ok(!tags(result, 'guardian_approved').includes(decision.id), 'a denial approves nothing');
    assert.deepEqual(await world.repliesTo(note), []);
    assert.equal((await world.repliesTo(here.answered.note)).length, 1, 'the yes that was said three times made one reply');
    const receipts = world.operator.messages.items.filter((item) => item.text.startsWith(`${here.answered.code} done`));
    assert.equal(receipts.length, 1);
  });

  it('words the answer as people do: another case, a space for the dash, below a quotation', async () => {
    const { world } = here;
    const note = await world.mention('and now something friendly');
    const { asker, code } = await world.questionFor(note, 'and now something friendly');
    await world.operator.say(asker, `> Answer with one of these lines: no ${code}\n\nYES ${code.toLowerCase().replace('-', ' ')}!`);
    await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
  });

  it('reacts with a thumb to the question, inside a gift wrap', async () => {
    const { world } = here;
    const note = await world.mention('shall we');
    const { asker, message } = await world.questionFor(note, 'shall we');
    const reaction = { kind: 7, content: '👍🏽', tags: [['e', message.id], ['p', asker], ['k', '14']] };
    await world.operator.relay.publish(nip59.wrapEvent(reaction, world.operator.key, asker));
    await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
  });

  it('signs a decision of their own (39213) with the action’s digest instead of writing', async () => {
    const { world } = here;
    const note = await world.mention('signed and sealed');
    const { request } = await world.questionFor(note, 'signed and sealed');
    const claim = await world.claimOf(note);
    await world.operator.publish({
      kind: kinds.decision,
      tags: [['d', request.id], ['p', world.node], ['e', request.id], ['e', claim.id], ['decision', 'approved'], ['action_hash', tag(request, 'action_hash')], ['exp', tag(request, 'exp')]],
    });
    await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
    assert.equal(tag(await world.resultFor(note), 'status'), 'success');
    assert.equal((await world.repliesTo(note)).length, 1);
  });

  it('leaves a public record in which every event verifies', async () => {
    const { world } = here;
    const all = await world.stranger.fetch({ kinds: [0, 1, 10002, 10050, 39200, 39202, ...Object.values(kinds)] });
    for (const event of all) assert.equal(verifyEvent(event), true, `kind ${event.kind}`);
    const present = new Set(all.map((event) => event.kind));
    for (const kind of [0, 10002, 39200, 39202, ...Object.values(kinds)]) assert.ok(present.has(kind), `kind ${kind}`);
    const byAgent = all.filter((event) => event.pubkey === world.agent).map((event) => event.kind);
    for (const kind of [4, 13, 1059, 10050]) assert.ok(!byAgent.includes(kind), `the group never signs kind ${kind}`);
    const checked = await ok(['verify'], { input: all.map((event) => JSON.stringify(event)).join('\n') });
    assert.deepEqual(checked.json, [{ valid: all.length, invalid: 0 }]);
  });
});

suite('an operator who is slow, and others who are not the operator', { approvalTtl: 12 }, (here) => {
  it('the right words from the wrong key, a wrong code, silence and a late yes: no reply', async () => {
    const { world } = here;
    const mallory = await Person.join(here.relay.url);
    const note = await world.mention('will you be quiet');
    const { request, asker, code } = await world.questionFor(note, 'will you be quiet');
    await mallory.say(asker, `yes ${code}`);
    await mallory.sayLegacy(asker, `yes ${code}`);
    await world.stranger.say(asker, `yes ${code}`);
    // The code of another question, which nobody asked.
    const other = code.startsWith('2222') ? '3333-3333' : '2222-2222';
    await world.operator.say(asker, `yes ${other}`);
    // The node is not the party that asked.
    await world.operator.say(world.node, `yes ${code}`);
    // A denial and an approval that the wrong key signs as an event.
    for (const decision of ['approved', 'denied'])
      await mallory.publish({ kind: kinds.decision, tags: [['d', request.id], ['p', world.node], ['e', request.id], ['decision', decision], ['action_hash', tag(request, 'action_hash')]] });

    const result = await world.resultFor(note);
    assert.deepEqual(tags(result, 'guardian_approved'), ['auto']);
    assert.deepEqual(await world.repliesTo(note), []);
    const decided = await world.stranger.fetch({ kinds: [kinds.decision], authors: world.cosigners, '#d': [request.id] });
    assert.deepEqual(decided, [], 'silence is expiry and not a decision');
    await world.operator.messages.when((item) => item.from === asker && item.text.startsWith(`${code} expired`), 'word that the question expired');
    assert.deepEqual(mallory.messages.items, [], 'strangers get no answer');

    await world.operator.say(asker, `yes ${code}`);
    here.late = note;
    mallory.leave();
  });

  it('and the next question is answered in time all the same', async () => {
    const { world } = here;
    const note = await world.mention('one more try');
    const { asker, code } = await world.questionFor(note, 'one more try');
    await world.operator.say(asker, `yes ${code}`);
    await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
    assert.equal(tag(await world.resultFor(note), 'status'), 'success');
    assert.deepEqual(await world.repliesTo(here.late), [], 'the yes that came late changed nothing');
  });
});

suite('an operator without a 10050, whose client knows NIP-04 only', { inbox: false }, (here) => {
  it('is asked by NIP-04, and its yes by NIP-04 counts', async () => {
    const { world } = here;
    const note = await world.mention('do you know old clients');
    const { asker, message, code } = await world.questionFor(note, 'do you know old clients');
    assert.equal(message.kind, 4);
    await world.operator.sayLegacy(asker, `yes ${code}`);
    const reply = await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
    assert.equal(verifyEvent(reply), true);
    assert.equal(tag(await world.resultFor(note), 'status'), 'success');
    assert.equal((await world.repliesTo(note)).length, 1);
  });
});

suite('a relay that serves private messages after NIP-42 only', { auth: true }, (here) => {
  it('is no obstacle: the co-signer authenticates, asks and hears the answer', async () => {
    const { world } = here;
    const note = await world.mention('who is there');
    const { asker, code } = await world.questionFor(note, 'who is there');
    await world.operator.say(asker, `yes ${code}`);
    await world.log.when((event) => event.kind === 1 && tags(event, 'e').includes(note.id), 'the reply');
    assert.equal(tag(await world.resultFor(note), 'status'), 'success');
  });
});
