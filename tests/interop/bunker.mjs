// NIP-46 both ways: the clients of nostr-tools and NDK sign through our bunker, over a local key and
// over a group with real co-signers; and our client signs through a signer made of nostr-tools.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { NDKEvent, NDKNip46Signer, NDKPrivateKeySigner, NDKUser } from '@nostr-dev-kit/ndk';
import NDK from '@nostr-dev-kit/ndk';
import * as nip04 from 'nostr-tools/nip04';
import * as nip44 from 'nostr-tools/nip44';
import { BunkerSigner, createNostrConnectURI, parseBunkerInput, toBunkerURL } from 'nostr-tools/nip46';
import { SimplePool } from 'nostr-tools/pool';
import { finalizeEvent, generateSecretKey, getPublicKey, verifyEvent } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';

import { now } from './support/person.mjs';
import { ok, run, scratch, start, startRelay, within } from './support/sovereign.mjs';

const ALLOWED = 'sign_event:1,nip44_encrypt,nip44_decrypt,nip04_encrypt,nip04_decrypt';
const friendKey = generateSecretKey();
const friend = getPublicKey(friendKey);
const pool = new SimplePool();

/** What every client must be able to do as `pubkey`; `ciphers` also needs a third party's consent. */
async function useBunkerSigner(signer, pubkey, { ciphers = true } = {}) {
  assert.equal(await within(signer.getPublicKey(), 'get_public_key'), pubkey);
  await within(signer.ping(), 'ping');
  const event = await within(
    signer.signEvent({ kind: 1, created_at: now(), tags: [['t', 'x']], content: 'signed afar "\n' }), 'sign_event');
  assert.ok(verifyEvent(event));
  assert.equal(event.pubkey, pubkey);
  if (!ciphers) return;
  const key = nip44.getConversationKey(friendKey, pubkey);
  const sealed = await within(signer.nip44Encrypt(friend, 'for you'), 'nip44_encrypt');
  assert.equal(nip44.decrypt(sealed, key), 'for you');
  assert.equal(await within(signer.nip44Decrypt(friend, nip44.encrypt('for me', key)), 'nip44_decrypt'), 'for me');
  const legacy = await within(signer.nip04Encrypt(friend, 'old for you'), 'nip04_encrypt');
  assert.equal(nip04.decrypt(friendKey, pubkey, legacy), 'old for you');
  assert.equal(await within(signer.nip04Decrypt(friend, nip04.encrypt(friendKey, pubkey, 'old')), 'nip04_decrypt'), 'old');
}

async function useNdk(url, uri, pubkey) {
  const ndk = new NDK({ explicitRelayUrls: [url], enableOutboxModel: false });
  await within(ndk.connect(), 'NDK to connect');
  const signer = NDKNip46Signer.bunker(ndk, uri, NDKPrivateKeySigner.generate());
  try {
    // The answer is ephemeral, and NDK may ask before the relay has its subscription: then it asks again.
    const letIn = () => within(signer.blockUntilReady(), 'NDK to be let in', 15_000);
    const user = await letIn().catch(letIn);
    assert.equal(user.pubkey, pubkey);
    const event = new NDKEvent(ndk, { kind: 1, content: 'by NDK', tags: [], created_at: now(), pubkey });
    await within(event.sign(signer), 'NDK to sign');
    assert.ok(verifyEvent(event.rawEvent()));
    const sealed = await within(signer.encrypt(new NDKUser({ pubkey: friend }), 'hi', 'nip44'), 'NDK to encrypt');
    assert.equal(nip44.decrypt(sealed, nip44.getConversationKey(friendKey, pubkey)), 'hi');
    assert.equal(await within(signer.decrypt(new NDKUser({ pubkey: friend }), sealed, 'nip44'), 'NDK to decrypt'), 'hi');
  } finally {
    signer.stop();
    for (const relay of ndk.pool.relays.values()) relay.disconnect();
  }
}

async function connect(uri) {
  const signer = BunkerSigner.fromBunker(generateSecretKey(), await parseBunkerInput(uri), { pool });
  await within(signer.connect(), 'connect');
  return signer;
}

describe('clients of others, a local key behind the bunker', () => {
  const files = scratch();
  let relay, bunker, pubkey;
  const home = () => ['--home', files.at('vault')];
  const invite = async () => (await ok(['bunker', 'uri', ...home()])).out.trim();

  before(async () => {
    relay = await startRelay();
    const [made] = (await ok(['key', 'new', files.at('me.key'), '--json'])).json;
    pubkey = made.pubkey;
    bunker = await start(['bunker', ...home(), '--key-file', files.at('me.key'), '--relay', relay.url, '--allow', ALLOWED, '--deny', 'sign_event:0']);
  });
  after(async () => {
    await bunker?.stop();
    await relay?.stop();
    files.remove();
  });

  it('nostr-tools pairs by the bunker:// text, and its secret serves once', async () => {
    const signer = await connect(bunker.line);
    await useBunkerSigner(signer, pubkey);
    await assert.rejects(within(signer.signEvent({ kind: 0, created_at: now(), tags: [], content: '{}' }), 'a refusal'), /sign_event:0/);
    await assert.rejects(within(signer.sendRequest('frobnicate', []), 'a refusal'), /unknown method/);
    await signer.close();
  });

  it('NDK pairs, signs, encrypts and decrypts', async () => {
    await useNdk(relay.url, await invite(), pubkey);
  });

  it('a kind that no rule names waits for the operator', async () => {
    const signer = await connect(await invite());
    const signing = signer.signEvent({ kind: 30023, created_at: now(), tags: [['d', 'a']], content: 'long' });
    let open = [];
    while (open.length === 0) [open] = (await ok(['pending', ...home(), '--json'])).json;
    assert.equal(open[0].action, 'sign_event:30023');
    assert.match(open[0].text, /long/);
    await ok(['approve', open[0].code, ...home()]);
    assert.equal((await within(signing, 'the approved event')).kind, 30023);
    await signer.close();
  });

  it('a client that shows a nostrconnect:// text is answered', async () => {
    const secretKey = generateSecretKey();
    const uri = createNostrConnectURI({ clientPubkey: getPublicKey(secretKey), relays: [relay.url], secret: 'once', name: 'web app' });
    const pairing = BunkerSigner.fromURI(secretKey, uri, { pool }, 60_000);
    const other = await start(['bunker', '--home', files.at('second'), '--key-file', files.at('me.key'), '--relay', relay.url, '--allow', ALLOWED, '--nostrconnect', files.write('app.txt', uri + '\n')]);
    try {
      const signer = await within(pairing, 'the pairing');
      await useBunkerSigner(signer, pubkey);
      assert.equal((await ok(['bunker', 'list', '--home', files.at('second'), '--json'])).json[0].name, 'web app');
      await signer.close();
    } finally {
      await other.stop();
    }
  });
});

describe('clients of others, a group behind the bunker', () => {
  const files = scratch();
  let relay, cosigner, bunker, pubkey;

  before(async () => {
    relay = await startRelay();
    const keys = files.at('keys');
    const [dealt] = (await ok(['frost', 'deal', '-t', '2', '-n', '3', '--out', keys, '--json'])).json;
    pubkey = dealt.identity;
    const [operator] = (await ok(['key', 'new', files.at('operator.key'), '--json'])).json;
    const identity = (share) => ['--group', `${keys}/group.txt`, '--share', `${keys}/share-${share}.txt`, '--operator', operator.npub, '--relay', relay.url];
    const [node] = (await ok(['init', '--home', files.at('node'), ...identity(1), '--json'])).json;
    await ok(['cosigner', 'init', '--home', files.at('guard'), ...identity(2), '--runner', node.node]);
    const policy = files.at('guard', 'policy.toml');
    const text = readFileSync(policy, 'utf8').replace(/^targets = \[\]/m, `targets = ["${friend}"]`);
    writeFileSync(policy, text + '\n[kinds.1]\nverdict = "sign"\n');
    cosigner = await start(['cosigner', '--home', files.at('guard')]);
    bunker = await start(['bunker', '--home', files.at('node'), '--allow', `sign_event,${ALLOWED}`]);
  });
  after(async () => {
    await bunker?.stop();
    await cosigner?.stop();
    await relay?.stop();
    files.remove();
  });

  it('nostr-tools signs, encrypts and decrypts as the group', async () => {
    const signer = await connect(bunker.line);
    await useBunkerSigner(signer, pubkey);
    await signer.close();
  });

  it('what the co-signer never signs is an error, whatever the bunker allows', async () => {
    const signer = await connect((await ok(['bunker', 'uri', '--home', files.at('node')])).out.trim());
    await assert.rejects(within(signer.signEvent({ kind: 27235, created_at: now(), tags: [], content: '' }), 'a refusal'), /never-signed/);
    await signer.close();
  });

  it('NDK signs, encrypts and decrypts as the group', async () => {
    await useNdk(relay.url, (await ok(['bunker', 'uri', '--home', files.at('node')])).out.trim(), pubkey);
  });
});

/** A signer as somebody would write it on nostr-tools: one user key, a key of its own, one secret. */
class TheirSigner {
  constructor(url, secret, twist = (event) => event) {
    this.key = generateSecretKey();
    this.user = generateSecretKey();
    this.secret = secret;
    this.asked = [];
    this.closer = pool.subscribeMany([url], { kinds: [24133], '#p': [getPublicKey(this.key)] }, {
      onevent: async (event) => {
        const key = nip44.getConversationKey(this.key, event.pubkey);
        const { id, method, params } = JSON.parse(nip44.decrypt(event.content, key));
        this.asked.push(method);
        let answer;
        try {
          answer = { id, result: this.answer(method, params, twist) };
        } catch (error) {
          answer = { id, result: null, error: String(error.message) };
        }
        await Promise.all(pool.publish([url], finalizeEvent({
          kind: 24133, created_at: now(), tags: [['p', event.pubkey]], content: nip44.encrypt(JSON.stringify(answer), key) }, this.key)));
      },
    });
    this.uri = toBunkerURL({ pubkey: getPublicKey(this.key), relays: [url], secret });
  }

  answer(method, params, twist) {
    const shared = (peer) => nip44.getConversationKey(this.user, peer);
    switch (method) {
      case 'connect':
        if (params[1] !== this.secret) throw new Error('wrong secret');
        this.secret = null;
        return 'ack';
      case 'get_public_key': return getPublicKey(this.user);
      case 'sign_event': return JSON.stringify(finalizeEvent(twist(JSON.parse(params[0])), this.user));
      case 'nip44_encrypt': return nip44.encrypt(params[1], shared(params[0]));
      case 'nip44_decrypt': return nip44.decrypt(params[1], shared(params[0]));
      case 'nip04_encrypt': return nip04.encrypt(this.user, params[0], params[1]);
      case 'nip04_decrypt': return nip04.decrypt(this.user, params[0], params[1]);
      default: throw new Error(`no ${method} here`);
    }
  }
}

describe("our commands with somebody else's signer", () => {
  const files = scratch();
  let relay;
  before(async () => { relay = await startRelay(); });
  after(async () => {
    await relay?.stop();
    files.remove();
  });

  it('sign, publish, send and read messages; the pairing is remembered', async () => {
    const signer = new TheirSigner(relay.url, 'open sesame');
    const pubkey = getPublicKey(signer.user);
    const as = ['--bunker-file', files.write('bunker.txt', signer.uri + '\n'), '--home', files.at('home')];
    const [event] = (await ok(['event', '-c', 'from afar', ...as, '--relay', relay.url])).json;
    assert.ok(verifyEvent(event));
    assert.equal(event.pubkey, pubkey);
    await ok(['event', '-k', '10050', '-t', `relay=${relay.url}`, ...as, '--relay', relay.url]);
    await ok(['dm', 'send', pubkey, 'to myself', ...as, '--relay', relay.url]);
    await ok(['dm', 'send', pubkey, 'the old way', '--legacy', ...as, '--relay', relay.url]);
    const texts = (await ok(['dm', 'list', ...as, '--relay', relay.url])).json.map((message) => message.text);
    assert.deepEqual(texts.sort(), ['the old way', 'to myself']);
    assert.equal(signer.asked.filter((method) => method === 'connect').length, 1);
    signer.closer.close();
  });

  it('refuse what was not asked for', async () => {
    const signer = new TheirSigner(relay.url, 'x', (event) => ({ ...event, content: 'something else' }));
    const result = await run(['event', '-c', 'this', '--bunker-file', files.write('false.txt', signer.uri), '--home', files.at('other')]);
    assert.equal(result.code, 1);
    assert.match(result.err, /another event/);
    assert.equal(result.out, '');
    signer.closer.close();
  });
});
