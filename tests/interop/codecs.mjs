// Codecs without a command of their own, by a round trip: a peer writes an event, ours reads and writes it
// anew (codec_peer.cpp), and the peer finds in ours what it has put into its own.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import NDK, { NDKAppHandlerEvent, NDKClassified, NDKDVMJobResult, NDKDVMRequest, NDKEvent, NDKList, NDKPrivateKeySigner, NDKRelayList, NDKUser } from '@nostr-dev-kit/ndk';
import * as nip22 from 'nostr-tools/nip22';
import * as nip25 from 'nostr-tools/nip25';
import * as nip98 from 'nostr-tools/nip98';
import * as nip99 from 'nostr-tools/nip99';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';

const program = join(dirname(process.env.SOVEREIGN), 'tests', 'interop', 'codec_peer');
if (!existsSync(program)) throw new Error(`${program} is missing: build codec_peer`);

const secretKey = generateSecretKey();
const pubkey = getPublicKey(secretKey);
const other = getPublicKey(generateSecretKey());
const ndk = new NDK({ signer: new NDKPrivateKeySigner(bytesToHex(secretKey)), enableOutboxModel: false });
const at = 1_760_000_000;

const sign = (template) => finalizeEvent({ created_at: at, tags: [], content: '', ...template }, secretKey);

/** What ours makes of one line; an error fails the test. */
function ours(line) {
  const { stdout, stderr, status } = spawnSync(program, { input: JSON.stringify(line) + '\n', encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const out = JSON.parse(stdout);
  assert.equal(out.error, undefined);
  return out;
}

/** An event of NDK as plain JSON, signed. */
async function signed(event) {
  event.created_at ??= at;
  await event.sign();
  return event.rawEvent();
}

/** The peer's event written anew by ours, signed by the peer. */
const anew = (codec, event, parent) => sign(ours({ codec, event, parent }).draft);

const values = (tags, name) => tags.filter((tag) => tag[0] === name).map((tag) => tag.slice(1));

describe('NDK', () => {
  it('finds its follows (NIP-02)', async () => {
    const event = await signed(new NDKEvent(ndk, { kind: 3, tags: [['p', other, 'wss://relay.example', 'bob'], ['p', pubkey]], content: '' }));
    const again = anew('follows', event);
    assert.deepEqual(values(again.tags, 'p').map((tag) => tag[0]), [other, pubkey]);
    assert.deepEqual(again.tags[0], ['p', other, 'wss://relay.example', 'bob']);
  });

  it('finds its relays (NIP-65)', async () => {
    const list = new NDKRelayList(ndk);
    list.readRelayUrls = ['wss://read.example/'];
    list.writeRelayUrls = ['wss://write.example/'];
    list.bothRelayUrls = ['wss://both.example/'];
    const again = NDKRelayList.from(new NDKEvent(ndk, anew('relay_list', await signed(list))));
    const bare = (urls) => urls.map((url) => url.replace(/\/$/, '')).sort();
    assert.deepEqual(bare(again.readRelayUrls), bare(list.readRelayUrls));
    assert.deepEqual(bare(again.writeRelayUrls), bare(list.writeRelayUrls));
    assert.deepEqual(bare(again.bothRelayUrls), bare(list.bothRelayUrls));
  });

  it('finds its lists and sets (NIP-51)', async () => {
    const list = new NDKList(ndk, { kind: 30000, tags: [['d', 'friends']], content: '' });
    list.title = 'My friends';
    list.description = 'those I know';
    list.image = 'https://example.com/i.png';
    await list.addItem(['p', other]);
    await list.addItem(['t', 'nostr']);
    const again = NDKList.from(new NDKEvent(ndk, anew('list', await signed(list))));
    assert.deepEqual([again.title, again.description, again.image], ['My friends', 'those I know', 'https://example.com/i.png']);
    assert.deepEqual([again.getItems('p'), again.getItems('t')], [[['p', other]], [['t', 'nostr']]]);
    assert.equal(again.dTag, 'friends');
  });

  it('finds the data of its app (NIP-78)', async () => {
    const content = JSON.stringify({ theme: 'dark', nested: { n: 1 } });
    const event = await signed(new NDKEvent(ndk, { kind: 30078, tags: [['d', 'app/settings'], ['client', 'x']], content }));
    const again = anew('app_data', event);
    assert.equal(again.content, content);
    assert.deepEqual([values(again.tags, 'd'), values(again.tags, 'client')], [[['app/settings']], [['x']]]);
  });

  it('finds its handler and its recommendation (NIP-89)', async () => {
    const handler = new NDKAppHandlerEvent(ndk, {
      kind: 31990, pubkey, created_at: at, content: JSON.stringify({ name: 'reader' }),
      tags: [['d', 'reader'], ['k', '1'], ['k', '30023'], ['web', 'https://reader.example/a/<bech32>', 'naddr'], ['web', 'https://reader.example/<bech32>']] });
    const again = NDKAppHandlerEvent.from(new NDKEvent(ndk, anew('handler_info', await signed(handler))));
    assert.ok(again.isValid);
    assert.deepEqual(values(again.tags, 'web'), [['https://reader.example/a/<bech32>', 'naddr'], ['https://reader.example/<bech32>']]);
    assert.deepEqual(values(again.tags, 'k'), [['1'], ['30023']]);
    assert.equal((await again.fetchProfile()).name, 'reader');

    const address = `31990:${pubkey}:reader`;
    const advice = await signed(new NDKEvent(ndk, { kind: 31989, tags: [['d', '30023'], ['a', address, 'wss://relay.example', 'web']], content: '' }));
    assert.deepEqual(anew('handler_recommendation', advice).tags, advice.tags);
  });

  it('finds its job, the result and the feedback (NIP-90)', async () => {
    const request = new NDKDVMRequest(ndk, { kind: 5050, tags: [], content: '' });
    request.addInput('what is nostr?', 'text');
    request.addParam('max_tokens', '100');
    request.bid = 5_000;
    request.output = 'text/plain';
    request.dvm = new NDKUser({ pubkey: other });
    const raw = await signed(request);
    const again = NDKDVMRequest.from(new NDKEvent(ndk, anew('job_request', raw)));
    assert.deepEqual([again.bid, again.getParam('max_tokens')], [5_000, '100']);
    assert.deepEqual(values(again.tags, 'i')[0].slice(0, 2), ['what is nostr?', 'text']);
    assert.deepEqual([again.output, values(again.tags, 'p')], [['text/plain'], [[other]]]);

    const result = new NDKDVMJobResult(ndk);
    result.kind = 6050;
    result.jobRequest = new NDKEvent(ndk, raw);
    result.result = 'a protocol';
    result.setAmount(4_000, 'lnbc1');
    const answered = NDKDVMJobResult.from(new NDKEvent(ndk, anew('job_result', await signed(result), raw)));
    assert.deepEqual([answered.kind, answered.result, answered.jobRequestId], [6050, 'a protocol', raw.id]);
    assert.deepEqual(values(answered.tags, 'amount'), [['4000', 'lnbc1']]);

    const feedback = request.createFeedback('processing');
    const told = anew('job_feedback', await signed(feedback));
    assert.deepEqual([told.kind, values(told.tags, 'status')[0][0], values(told.tags, 'e')[0][0]], [7000, 'processing', raw.id]);
  });

  it('finds its classified (NIP-99)', async () => {
    const listing = new NDKClassified(ndk, { kind: 30402, tags: [['d', 'bike']], content: 'A good **bike**' });
    listing.title = 'Bike';
    listing.summary = 'red';
    listing.location = 'Bern';
    listing.published_at = at;
    listing.price = { amount: 100, currency: 'EUR' };
    const again = NDKClassified.from(new NDKEvent(ndk, anew('listing', await signed(listing))));
    assert.deepEqual([again.title, again.summary, again.location, again.published_at, again.content],
      ['Bike', 'red', 'Bern', at, 'A good **bike**']);
    assert.deepEqual(values(again.tags, 'price'), [['100', 'EUR']]);
  });

  it('meets our comments where its own are (NIP-22)', async () => {
    const article = new NDKEvent(ndk, sign({ kind: 30023, tags: [['d', 'essay']], content: 'long' }));
    const reply = article.reply();
    reply.content = 'well said';
    const raw = await signed(reply);
    assert.equal(raw.kind, 1111);
    const found = ours({ codec: 'comment', event: raw, parent: article.rawEvent() });
    const address = `30023:${pubkey}:essay`;
    // NDK leaves the id of an addressable parent out; the NIP wants both, and ours writes both.
    assert.deepEqual([found.address, found.root_address], [address, address]);
    assert.deepEqual([values(found.draft.tags, 'e')[0][0], values(found.draft.tags, 'a')[0][0]], [article.id, address]);
    const [theirs, mine] = [nip22.parse(raw), nip22.parse(found.draft)];
    assert.equal(theirs.root.identifier, 'essay');
    assert.equal(mine.root.identifier, 'essay');
    assert.deepEqual([mine.rootKind, mine.replyKind], [theirs.rootKind, theirs.replyKind]);
  });
});

describe('nostr-tools', () => {
  const note = sign({ kind: 1, content: 'hello' });

  it('finds in our reaction what it reacts to itself (NIP-25)', () => {
    const reaction = nip25.finishReactionEvent({ created_at: at, content: '🤙' }, note, secretKey);
    const found = ours({ codec: 'reaction', event: reaction, parent: note });
    assert.equal(found.parent, note.id);
    assert.equal(nip25.getReactedEventPointer(sign(found.draft)).id, note.id);
    assert.equal(found.draft.content, '🤙');
  });

  it('and ours take each other\'s HTTP headers (NIP-98)', async () => {
    const url = 'https://api.example/v1?x=1';
    const token = await nip98.getToken(url, 'get', (event) => finalizeEvent(event, secretKey), true);
    const { ok, draft } = ours({ codec: 'http_auth', header: token, url, method: 'GET' });
    assert.ok(ok);
    assert.ok(await nip98.validateEvent(finalizeEvent({ ...draft, created_at: Math.round(Date.now() / 1000) }, secretKey), url, 'GET'));
    const wrong = spawnSync(program, { input: JSON.stringify({ codec: 'http_auth', header: token, url: url + '0', method: 'GET' }) + '\n', encoding: 'utf8' });
    assert.ok(JSON.parse(wrong.stdout).error);
  });

  it('finds its listing (NIP-99)', () => {
    const listing = {
      isDraft: false, title: 'Lamp', summary: 'old', content: '# Lamp', publishedAt: String(at), location: 'Basel',
      price: { amount: '15', currency: 'USD', frequency: 'month' }, images: [{ url: 'https://example.com/l.png', dimensions: '64x48' }],
      hashtags: ['light'], additionalTags: { d: 'lamp' } };
    const template = nip99.generateEventTemplate(listing);
    const again = nip99.parseEvent(anew('listing', sign({ ...template, created_at: at })));
    assert.deepEqual({ ...again, additionalTags: {} }, { ...listing, additionalTags: {} });
  });

  it('signs what our reading of a relay report leaves as it was (NIP-66)', () => {
    const report = sign({ kind: 30166, content: '{"name":"x"}', tags: [
      ['d', 'wss://relay.example'], ['n', 'clearnet'], ['T', 'PrivateInbox'], ['N', '40'], ['N', '33'],
      ['R', '!payment'], ['R', 'auth'], ['t', 'nsfw'], ['k', '1'], ['k', '!4'], ['g', 'ww8p1r4t8'],
      ['rtt-open', '234'], ['rtt-read', '150'], ['rtt-write', '503']] });
    const again = anew('relay_report', report);
    const order = (tags) => tags.map((tag) => JSON.stringify(tag)).sort();
    assert.deepEqual(order(again.tags), order(report.tags));
    assert.equal(again.content, report.content);
  });
});
