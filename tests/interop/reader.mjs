// What `sovereign` leaves on a relay, read by a program that shares no code with it (support/reader.mjs and
// flow_reader.mjs; for credit see credit.mjs): a skill from its publication over licence and delivery to its withdrawal,
// and of an agent who it is, what it claimed, what it asked and was told, what came of it and the record of how.
// Whatever is true is read; whatever anybody changes is refused.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { decode } from 'nostr-tools/nip19';
import { finalizeEvent, getPublicKey } from 'nostr-tools/pure';
import { hexToBytes } from 'nostr-tools/utils';

import { eventDigest, readClaim, readDecision, readGoals, readProfile, readRequest, readResult, readSchedule, readStates } from './support/flow_reader.mjs';
import { startNpmRelay } from './support/npm_relay.mjs';
import { Person, now } from './support/person.mjs';
import { Refusal, newest, openDelivery, readLicence, readLog, readManifest, readTrajectory, skillHash } from './support/reader.mjs';
import { ok, run, scratch, startRelay } from './support/sovereign.mjs';
import { World, kinds, tag } from './support/world.mjs';

const refuses = (read, rule) => assert.throws(read, (error) => error instanceof Refusal && rule.test(error.message));
const copy = (event) => JSON.parse(JSON.stringify(event));
/** `event` with `change` made to a copy of it, and the old id and signature. */
const altered = (event, change) => {
  const other = copy(event);
  change(other);
  return other;
};
/** The same signed by somebody who may well sign things. */
const resigned = (event, change, person) => {
  const { kind, created_at, tags, content } = altered(event, change);
  return finalizeEvent({ kind, created_at, tags, content }, person.key);
};
const setTag = (name, ...values) => (event) => {
  const at = event.tags.findIndex((entry) => entry[0] === name);
  event.tags[at] = [name, ...values];
};

const relays = [
  { name: 'our relay', start: startRelay, keepsDeletions: true },
  {
    name: 'an npm relay, which obeys deletions and keeps none',
    start: async () => {
      const relay = await startNpmRelay();
      return { url: relay.url, stop: () => relay.close() };
    },
    keepsDeletions: false,
  },
];

for (const { name, start, keepsDeletions } of relays) describe(`a skill, from its publication to its withdrawal, on ${name}`, () => {
  const text = '---\nname: echo\ndescription: Says hello\n---\nSay hello, and then — nothing more.\n';
  const here = {};

  before(async () => {
    here.files = scratch();
    here.relay = await start();
    here.agent = await Person.join(here.relay.url);
    here.mallory = await Person.join(here.relay.url);
    here.folder = here.files.at('echo');
    mkdirSync(here.folder);
    writeFileSync(`${here.folder}/SKILL.md`, text);
    here.shop = (...args) => ok([...args, '--home', here.files.at('shop'), '--relay', here.relay.url, '--json']).then((result) => result.json[0]);
    here.fetch = (filter) => here.agent.fetch(filter);
  });
  after(async () => {
    here.agent?.leave();
    here.mallory?.leave();
    await here.relay?.stop();
    here.files?.remove();
  });

  const trust = (more = {}) => ({ issuers: [here.manifest.publisher], agent: here.agent.pubkey, manifest: here.manifest, now: now(), ...more });
  const licenceEvents = () => here.fetch({ kinds: [39220], '#p': [here.agent.pubkey], '#a': [here.manifest.address] });
  const deletions = () => here.fetch({ kinds: [5], authors: [here.manifest.publisher] });

  it('is published: one manifest, one line in its log, and no word of the skill itself', async () => {
    const published = await here.shop('skill', 'publish', here.folder, '--as', '1.0.0', '--capability', 'nostr:read');
    const [event] = await here.fetch({ kinds: [33400], '#t': ['agent-skill'] });
    here.manifestEvent = event;
    here.manifest = readManifest(event, now());
    assert.equal(here.manifest.id, published.manifest);
    assert.equal(here.manifest.hash, skillHash(text));
    assert.equal(here.manifest.hash, skillHash(`\ufeff${text.replaceAll('\n', '\r\n')}`), 'as another system writes the same text');
    assert.deepEqual(here.manifest.capabilities, ['nostr:read']);
    assert.ok(!JSON.stringify(await here.fetch({ kinds: [33400, 33401] })).includes('Say hello, and'));
    const log = readLog(await here.fetch({ kinds: [33401], '#d': ['echo'] }));
    assert.deepEqual(log.map((entry) => [entry.version, entry.manifest.id]), [['1.0.0', here.manifest.id]]);
  });

  it('and is not what anybody made of it', () => {
    const read = (event) => () => readManifest(event, now());
    refuses(read(altered(here.manifestEvent, setTag('manifest_hash', '0'.repeat(64)))), /id/);
    refuses(read(altered(here.manifestEvent, (event) => (event.sig = event.sig.replace(/^../, (two) => (two === '00' ? '01' : '00'))))), /signature/);
    const mine = resigned(here.manifestEvent, () => {}, here.mallory);
    refuses(read(mine), /skill_scope_id/);
    refuses(read(resigned(mine, (event) => event.tags.push(event.tags.shift()), here.mallory)), /first tag/);
  });

  it('is licensed to an agent, under an address of its own', async () => {
    here.issued = await here.shop('license', 'issue', here.folder, '--agent', here.agent.npub, '--to', here.agent.npub, '--type', 'metered', '--uses', '3', '--lasts', '1h');
    const events = await licenceEvents();
    assert.equal(events.length, 1);
    here.licenceEvent = events[0];
    here.licence = readLicence(events, await deletions(), trust());
    assert.deepEqual([here.licence.state, here.licence.type, here.licence.id], ['active', 'metered', here.issued.event]);
    const checked = await ok(['license', 'verify', '-', '--issuer', here.manifest.publisher, '--agent', here.agent.pubkey, '--home', here.files.at('nowhere'), '--json'],
      { input: JSON.stringify(events[0]) });
    assert.equal(checked.json[0].status, 'active', 'both readers agree');
    assert.equal(readLicence(events, [], trust({ now: now() + 3601 })).state, 'expired');
  });

  it('and no other agent, issuer or limit counts', () => {
    const read = (events, more) => () => readLicence(events, [], trust(more));
    refuses(read([here.licenceEvent], { agent: here.mallory.pubkey }), /another agent/);
    refuses(read([here.licenceEvent], { issuers: [here.mallory.pubkey] }), /not trusted/);
    refuses(read([altered(here.licenceEvent, setTag('max_uses', '1000'))]), /id/);
    refuses(read([resigned(here.licenceEvent, setTag('max_uses', '1000'), here.mallory)]), /not trusted/);
    refuses(read([here.licenceEvent], { manifest: { ...here.manifest, hash: '0'.repeat(64) } }), /another version/);
    const foreign = finalizeEvent({ kind: 5, created_at: now(), content: '', tags: [['a', here.licence.address], ['e', here.licence.id]] }, here.mallory.key);
    assert.equal(readLicence([here.licenceEvent], [foreign], trust()).state, 'active', 'strangers withdraw nothing');
  });

  it('is delivered in a gift wrap that only the agent opens, and is the text that was promised', async () => {
    const [wrap] = await here.fetch({ kinds: [1059], '#p': [here.agent.pubkey] });
    const keys = { receiverKey: here.agent.key, agentKey: here.agent.key, agent: here.agent.pubkey, licence: here.licence, manifest: here.manifest };
    assert.equal(openDelivery(wrap, keys), text);
    assert.throws(() => openDelivery(wrap, { ...keys, receiverKey: here.mallory.key }));
    assert.throws(() => openDelivery(wrap, { ...keys, agentKey: here.mallory.key }), 'the seal is open, the skill is not');
    refuses(() => openDelivery(wrap, { ...keys, licence: { ...here.licence, contentKey: here.mallory.pubkey } }), /another key/);
    refuses(() => openDelivery(wrap, { ...keys, licence: { ...here.licence, address: `${here.licence.address}x` } }), /another licence/);
    refuses(() => openDelivery(wrap, { ...keys, manifest: { ...here.manifest, hash: '0'.repeat(64) } }), /did not sign/);
  });

  it('goes on as 1.1.0 without a trace of 1.0.0 being lost', async () => {
    writeFileSync(`${here.folder}/SKILL.md`, `${text}And goodbye.\n`);
    await here.shop('skill', 'publish', here.folder, '--as', '1.1.0', '--capability', 'nostr:read', '--change', 'changed');
    const heads = await here.fetch({ kinds: [33400], authors: [here.manifest.publisher], '#d': ['echo'] });
    assert.deepEqual(heads.map((event) => readManifest(event, now()).version), ['1.1.0'], 'a relay keeps one head');
    const log = readLog(await here.fetch({ kinds: [33401], '#d': ['echo'] }));
    assert.deepEqual(log.map((entry) => entry.version).sort(), ['1.0.0', '1.1.0'], 'and every line of the log');
    assert.ok(log.some((entry) => entry.manifest.id === here.manifest.id), 'in which the old manifest is kept whole');
    refuses(() => readLicence([here.licenceEvent], [], trust({ manifest: readManifest(heads[0], now()) })), /another manifest/);
  });

  it('is taken back: by a new version of the licence, by a deletion, and to both readers', async () => {
    await here.shop('license', 'revoke', here.issued.licence, '-m', 'refunded');
    const events = await licenceEvents();
    const gone = await deletions();
    assert.equal(events.length, 1, 'the version that says so stands at the address');
    if (keepsDeletions) assert.ok(gone.some((event) => tag(event, 'e') === here.licence.id), 'and a deletion names the one it replaced');
    assert.equal(readLicence(events, [], trust()).state, 'revoked');
    assert.equal(readLicence([...events, here.licenceEvent], [], trust()).state, 'revoked', 'beside the version it replaced');
    if (keepsDeletions) assert.equal(readLicence([here.licenceEvent], gone, trust()).state, 'revoked', 'by the deletion alone, to whoever kept that');
    const checked = await run(['license', 'verify', '-', '--issuer', here.manifest.publisher, '--home', here.files.at('nowhere'), '--json'],
      { input: JSON.stringify(newest(events)) });
    assert.notEqual(checked.code, 0);
    assert.match(checked.err + checked.out, /E_REVOKED/);
  });

  it('is withdrawn by its publisher: the manifest is gone, and named in a deletion of theirs where that is kept', async () => {
    await here.shop('skill', 'revoke', 'echo', '-m', 'critical-vuln');
    assert.deepEqual(await here.fetch({ kinds: [33400], authors: [here.manifest.publisher], '#d': ['echo'] }), []);
    if (!keepsDeletions) return;
    const withdrawn = (await deletions()).filter((event) => tag(event, 'k') === '33400');
    assert.equal(withdrawn.length, 1);
    assert.ok(withdrawn[0].tags.some((entry) => entry[0] === 'a' && entry[1] === here.manifest.address));
  });
});

describe('what an agent did', () => {
  const here = {};
  before(async () => {
    here.relay = await startRelay();
    here.world = await World.open(here.relay.url);
  });
  after(async () => {
    if (process.env.INTEROP_LOG) console.error(here.world?.diary());
    await here.world?.close();
    await here.relay?.stop();
  });

  it('is read from the relay, step by step, to the hash under which it was reported', async () => {
    const { world } = here;
    const note = await world.mention('hello agent, who are you?');
    const { asker, code } = await world.questionFor(note, 'hello agent, who are you?');
    await world.operator.say(asker, `yes ${code}`);
    const result = await world.resultFor(note);
    const receipt = await world.operator.messages.when((item) => item.from === asker && item.text.startsWith(`${code} done`), 'the receipt');
    here.reply = decode(receipt.text.match(/note1[0-9a-z]+/)[0]).data;

    const isFinal = (event) => event.kind === kinds.session && tag(event, 'trajectory_hash') === tag(result, 'trajectory_hash');
    here.head = copy(await world.log.when(isFinal, 'the final session head'));
    here.steps = (await world.stranger.fetch({ kinds: [kinds.step], '#a': [`${kinds.session}:${world.agent}:${tag(here.head, 'd')}`] })).map(copy);
    const record = readTrajectory(here.head, here.steps, world.agent);
    assert.equal(record.writer, world.node);
    assert.equal(record.hash, tag(result, 'trajectory_hash'));
    assert.ok(record.bodies.every((body) => body === null), 'what was thought and done is for the operator');
    const { bodies } = readTrajectory(here.head, here.steps, world.agent, world.operator.key);
    assert.equal(bodies.at(-1).type, 'session_end');
    const types = bodies.map((body) => body.type);
    assert.ok(types.includes('tool_start') && types.includes('tool'), types.join(' '));
    assert.deepEqual(bodies.map((body) => body.step), bodies.map((_, i) => i + 1));
    assert.ok(bodies.some((body) => JSON.stringify(body).includes(here.reply)), 'the reply is in the record');
    assert.throws(() => readTrajectory(here.head, here.steps, world.agent, world.stranger.key));
    assert.deepEqual(readTrajectory(here.head, [...here.steps, ...here.steps].reverse(), world.agent), record, 'in any order, with copies');
    const verified = await ok(['trajectory', 'verify', record.session, '--agent', world.agent, '--relay', here.relay.url, '--json']);
    assert.deepEqual([verified.json[0].verdict, verified.json[0].count], ['valid', record.count], 'both readers agree');
  });

  const nodeKey = () => {
    const text = readFileSync(here.world.files.at('node', 'node.key'), 'utf8').trim();
    const key = text.startsWith('nsec') ? decode(text).data : hexToBytes(text);
    assert.equal(getPublicKey(key), here.world.node, 'the key that wrote the record');
    return key;
  };

  it('begins with who it is and when it wakes, under its own key', async () => {
    const { world } = here;
    const [profile] = await world.stranger.fetch({ kinds: [39200], authors: [world.agent], '#d': ['profile'] });
    here.profile = readProfile(profile, world.agent);
    assert.deepEqual([here.profile.name, here.profile.operator, here.profile.runners], ['tester', world.operator.pubkey, [world.node]]);
    assert.deepEqual(here.profile.threshold, [2, 3]);
    const [schedule] = await world.stranger.fetch({ kinds: [39202], authors: [world.agent], '#d': ['schedule'] });
    assert.deepEqual(readSchedule(schedule, world.agent).active, true);
    assert.ok(readSchedule(schedule, world.agent).triggers.includes('mention'));
    refuses(() => readProfile(resigned(profile, () => {}, world.stranger), world.agent), /somebody else/);
    refuses(() => readProfile(altered(profile, setTag('operator', world.stranger.pubkey)), world.agent), /id/);
    refuses(() => readSchedule(resigned(schedule, () => {}, world.stranger), world.agent), /somebody else/);
  });

  it('goes on from the claim over the question and the answer to the result, each naming the one before', async () => {
    const { world, profile } = here;
    const agent = world.agent;
    const one = async (filter, what) => {
      const found = await world.stranger.fetch(filter);
      assert.equal(found.length, 1, what);
      return copy(found[0]);
    };
    here.claimEvent = await one({ kinds: [kinds.claim], authors: [world.node], '#p': [agent] }, 'one claim');
    const claim = (here.claim = readClaim(here.claimEvent, { agent, profile }));
    assert.equal(claim.trigger, 'mention');
    here.requestEvent = await one({ kinds: [kinds.request], '#e': [claim.id] }, 'one question');
    const request = (here.request = readRequest(here.requestEvent, { claim, profile }));
    here.decisionEvent = await one({ kinds: [kinds.decision], '#d': [request.id] }, 'one decision');
    const decision = readDecision(here.decisionEvent, { request, now: now() });
    assert.ok(decision.approved);
    const reply = await one({ ids: [here.reply] }, 'the reply');
    assert.equal(reply.pubkey, agent);
    assert.equal(eventDigest(reply), decision.digest, 'what was approved is what was said');
    here.resultEvent = await one({ kinds: [kinds.result], '#d': [claim.id] }, 'one result');
    const result = readResult(here.resultEvent, { claim, agent, decisions: [decision], key: nodeKey() });
    assert.deepEqual([result.status, result.approved, result.trajectory, result.hash], ['success', [decision.id], here.head.id, tag(here.head, 'trajectory_hash')]);
    assert.ok(result.report.actions.some((act) => act.id === here.reply), 'and the report to the agent names it');
    here.decision = decision;
  });

  it('and the next tick claims another slot, says no more than it was allowed, and builds on the state the last one left', async () => {
    const { world, profile, claim } = here;
    const note = await world.mention('and who else are you?');
    const { request, asker, code } = await world.questionFor(note, 'and who else are you?');
    await world.operator.say(asker, `no ${code}`);
    const asked = copy(await world.decisionOn(request));
    const next = readClaim(copy(await world.claimOf(note)), { agent: world.agent, profile, seen: [claim.slot] });
    const question = readRequest(copy(request), { claim: next, profile });
    const denied = readDecision(asked, { request: question, now: now() });
    assert.equal(denied.approved, false);
    const result = readResult(copy(await world.resultFor(note)), { claim: next, agent: world.agent, decisions: [denied], key: nodeKey() });
    assert.ok(!result.approved.includes(denied.id), 'a no approves nothing');
    assert.deepEqual(await world.repliesTo(note), []);
    const states = world.log.items.filter((event) => event.kind === kinds.state).map(copy);
    assert.equal(readStates(states, world.agent), 2);
    refuses(() => readStates([...states].reverse(), world.agent), /does not name/);
  });

  it('tells everybody those of its goals that its operator made public, and nothing of the others', async () => {
    const { world } = here;
    const home = ['--home', world.files.at('node')];
    await ok(['directive', 'add', 'd-001', 'Every question is answered within a day.', '--title', 'Answer questions', '--public', ...home]);
    await ok(['directive', 'add', 'd-002', 'Nobody else need know.', ...home]);
    const question = await world.operator.messages.when((item) => item.text.includes('Answer questions') && /^yes .{9}$/m.test(item.text), 'the question about it');
    await world.operator.say(question.from, /^yes .{9}$/m.exec(question.text)[0]);
    const published = world.stranger.follow({ kinds: [39203], authors: [world.agent], '#d': ['goals'] });
    const event = copy(await published.when(() => true, 'the goals'));
    assert.deepEqual(readGoals(event, world.agent).map((goal) => [goal.id, goal.status, goal.progress]), [['d-001', 'active', 0]]);
    assert.ok(!event.content.includes('need know'));
    refuses(() => readGoals(resigned(event, () => {}, world.stranger), world.agent), /somebody else/);
    refuses(() => readGoals(resigned(event, (one) => (one.content = '{"goals":[{"id":"x","description":"","status":"active","priority":1,"progress":0,"why":"money"}]}'), world.stranger), world.stranger.pubkey), /more than a goal/);
  });

  it('and none of these is anybody else’s, of another tick, too late or over another action', () => {
    const { world, profile, claim, request, decision } = here;
    const { agent, node, stranger } = world;
    const claiming = (event, more) => () => readClaim(event, { agent, profile, ...more });
    refuses(claiming(resigned(here.claimEvent, () => {}, stranger)), /no runner/);
    refuses(claiming(resigned(here.claimEvent, setTag('guardian', stranger.pubkey), { key: nodeKey() })), /only the runner names/);
    refuses(claiming(here.claimEvent, { seen: [claim.slot] }), /claimed before/);
    refuses(claiming(here.claimEvent, { agent: node }), /another agent/);
    refuses(claiming(altered(here.claimEvent, setTag('slot', 'm:0'))), /id/);
    const asking = (event, more) => () => readRequest(event, { claim, profile, ...more });
    refuses(asking(resigned(here.requestEvent, () => {}, stranger)), /not the runner/);
    refuses(asking(here.requestEvent, { claim: { ...claim, id: here.reply } }), /another tick/);
    refuses(asking(here.requestEvent, { profile: { ...profile, guardians: [profile.operator] } }), /none the agent names/);
    const deciding = (event, more) => () => readDecision(event, { request, now: now(), ...more });
    refuses(deciding(resigned(here.decisionEvent, () => {}, stranger)), /not the guardian/);
    refuses(deciding(altered(here.decisionEvent, setTag('decision', 'denied'))), /id/);
    refuses(deciding(here.decisionEvent, { now: request.expires + 1 }), /time is up/);
    refuses(deciding(here.decisionEvent, { request: { ...request, id: here.reply } }), /d is not the question/);
    refuses(deciding(here.decisionEvent, { request: { ...request, digest: '0'.repeat(64) } }), /another action/);
    const result = (event, more) => () => readResult(event, { claim, agent, decisions: [decision], ...more });
    refuses(result(resigned(here.resultEvent, () => {}, stranger)), /who claimed/);
    refuses(result(here.resultEvent, { decisions: [] }), /nobody gave/);
    refuses(result(here.resultEvent, { claim: { ...claim, id: here.reply } }), /d is not the claim/);
    refuses(result(altered(here.resultEvent, setTag('cost', '1'))), /id/);
    assert.throws(result(here.resultEvent, { key: stranger.key }), 'the report is for the agent');
  });

  it('and nothing of it can be left out, added, moved or changed', () => {
    const { world, head } = here;
    const steps = [...here.steps].sort((a, b) => Number(tag(a, 'seq')) - Number(tag(b, 'seq')));
    const read = (events, of = head) => () => readTrajectory(of, events, world.agent);
    refuses(read(steps.slice(1)), /steps/);
    refuses(read(steps.with(1, altered(steps[1], (event) => (event.content = '{}')))), /id/);
    refuses(read(steps.with(1, altered(steps[1], setTag('seq', '1')))), /id/);
    const mine = resigned(steps[1], (event) => (event.content = '{"type":"tool"}'), world.stranger);
    refuses(read(steps.with(1, mine)), /steps/);
    assert.doesNotThrow(read([...steps, mine]), 'what strangers add is not counted');
    refuses(read(steps, altered(head, setTag('trajectory_hash', '0'.repeat(64), 'chain-v1', String(steps.length)))), /id/);
    refuses(read(steps, resigned(head, () => {}, world.stranger)), /not the agent/);
    refuses(() => readTrajectory(head, steps, world.stranger.pubkey), /not the agent/);
  });

  it('nor by the one who wrote it, although its key signs whatever it likes', () => {
    const { world, head } = here;
    const key = nodeKey();
    const steps = [...here.steps].sort((a, b) => Number(tag(a, 'seq')) - Number(tag(b, 'seq')));
    const read = (events) => () => readTrajectory(head, events, world.agent);
    const rewritten = (step, change) => resigned(step, change, { key });
    const second = rewritten(steps[1], (event) => (event.content = '{"type":"tool"}'));
    refuses(read(steps.with(1, second)), /answer the one before/);
    refuses(read([...steps, second]), /share an address/);
    const elsewhere = rewritten(second, setTag('d', `${tag(head, 'd')}:2:00000000`));
    refuses(read([...steps, elsewhere]), /steps/);
    const last = rewritten(steps.at(-1), (event) => (event.content = '{"type":"session_end"}'));
    refuses(read(steps.with(-1, last)), /does not count|hash of the head/);
    // The whole record anew from the second step on, every link in order: the head, which the group signed, stands.
    const all = [steps[0]];
    for (const step of steps.slice(1)) {
      const previous = all.at(-1).id;
      all.push(rewritten(step, (event) => {
        event.tags = event.tags.map((entry) => (entry[3] === 'reply' ? ['e', previous, entry[2], 'reply'] : entry));
        if (all.length === 1) event.tags.push(['note', 'it was not like that']);
      }));
    }
    refuses(read(all), /hash of the head/);
  });
});
