// nostr-tools against the codecs: what it writes, `sovereign decode` reads, and the other way round.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as nip05 from 'nostr-tools/nip05';
import * as nip19 from 'nostr-tools/nip19';
import * as nip21 from 'nostr-tools/nip21';
import * as nip46 from 'nostr-tools/nip46';
import * as nip47 from 'nostr-tools/nip47';
import * as nip49 from 'nostr-tools/nip49';
import * as nip57 from 'nostr-tools/nip57';
import { generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex } from 'nostr-tools/utils';

import { ok, run } from './support/sovereign.mjs';

const secretKey = generateSecretKey();
const pubkey = getPublicKey(secretKey);
const relays = ['wss://relay.example/path?x=1', 'ws://127.0.0.1:7777'];
const secret = 'hunter2 +&=%é';

/** What `decode` says about a text it reads from stdin, and that it does not tell the secrets in it. */
async function decode(text, secrets = []) {
  const { out, err, json } = await ok(['decode', '-'], { input: text + '\n' });
  for (const word of secrets) assert.ok(!(out + err).includes(word), 'a secret was printed');
  return json[0];
}

describe('connection strings', () => {
  it('bunker:// (NIP-46) of nostr-tools is read, with and without a secret', async () => {
    assert.deepEqual(await decode(nip46.toBunkerURL({ pubkey, relays, secret }), ['hunter2']),
      { type: 'bunker', pubkey, relays, has_secret: true });
    assert.equal((await decode(nip46.toBunkerURL({ pubkey, relays, secret: null }))).has_secret, false);
  });

  it('nostrconnect:// (NIP-46) of nostr-tools is read', async () => {
    const uri = nip46.createNostrConnectURI({
      clientPubkey: pubkey, relays, secret, perms: ['nip44_encrypt', 'sign_event:4'],
      name: 'My Client & co', url: 'https://client.example/?a=b', image: 'https://client.example/i.png' });
    assert.deepEqual(await decode(uri, ['hunter2']), {
      type: 'nostrconnect', pubkey, relays, has_secret: true, permissions: 'nip44_encrypt,sign_event:4',
      name: 'My Client & co', url: 'https://client.example/?a=b', image: 'https://client.example/i.png' });
  });

  it('nostr+walletconnect:// (NIP-47) is read as nostr-tools reads it', async () => {
    const wallet = getPublicKey(generateSecretKey());
    const query = new URLSearchParams([...relays.map((relay) => ['relay', relay]), ['secret', bytesToHex(secretKey)]]);
    for (const slashes of ['//', '']) {
      const uri = `nostr+walletconnect:${slashes}${wallet}?${query}`;
      const theirs = nip47.parseConnectionString(uri);
      const ours = await decode(uri, [bytesToHex(secretKey)]);
      assert.deepEqual([ours.wallet, ours.relays, ours.pubkey], [theirs.pubkey, theirs.relays, pubkey]);
    }
  });

  it('that are broken are refused without being quoted', async () => {
    for (const text of [`bunker://${pubkey}?secret=hunter2`, 'bunker://x?relay=wss://r&secret=hunter2',
      `nostr+walletconnect://${pubkey}?relay=wss://r&secret=hunter2`]) {
      const result = await run(['decode', '-'], { input: text });
      assert.equal(result.code, 1);
      assert.ok(!(result.out + result.err).includes('hunter2'), result.err);
    }
  });
});

describe('names', () => {
  it('as nostr: URIs (NIP-21) are those of nostr-tools', async () => {
    const { out } = await ok(['encode', 'nprofile', pubkey, '--relay', 'wss://relay.example', '--uri']);
    const { decoded } = nip21.parse(out.trim());
    assert.deepEqual(decoded, { type: 'nprofile', data: { pubkey, relays: ['wss://relay.example'] } });
    assert.deepEqual(await decode(`nostr:${nip19.npubEncode(pubkey)}`), { type: 'npub', pubkey });
  });

  it('at domains (NIP-05) are taken and refused as nostr-tools does', async () => {
    for (const text of ['bob@example.com', '_@example.com', 'b.o-b_1@sub.example.com', 'bob@', 'a b@example.com', 'bob@example', '@']) {
      const { code } = await run(['decode', text]);
      assert.equal(code === 0, nip05.isNip05(text), text);
    }
    assert.deepEqual(await decode('_@Example.com'), {
      type: 'nip05', identifier: 'example.com', name: '_', domain: 'example.com',
      url: 'https://example.com/.well-known/nostr.json?name=_' });
  });
});

describe('secrets and money', () => {
  it('an encrypted key (NIP-49) says how it was made', async () => {
    for (const [logN, byte, handling] of [[3, 0, 'insecure'], [4, 1, 'secure'], [5, 2, 'untracked']])
      assert.deepEqual(await decode(nip49.encrypt(secretKey, 'password', logN, byte)), { type: 'ncryptsec', log_n: logN, handling });
  });

  it('an invoice (BOLT-11) asks for what nostr-tools finds in it', async () => {
    // The examples of BOLT-11 with an amount in micro-bitcoin; nostr-tools counts whole satoshi.
    const start = 'lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypq';
    for (const invoice of [
      `${start}dq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp`,
      `${start}dpquwpc4curk03c9wlrswe78q4eyqc7d8d0xqzpuyk0sg5g70me25alkluzd2x62aysf2pyy8edtjeevuv4p2d5p76r4zkmneet7uvyakky2zr4cusd45tftc9c5fh0nnqpnl2jfll544esqchsrny`,
    ]) {
      const { type, amount_msat } = await decode(`lightning:${invoice.toUpperCase()}`.replace('lightning:', 'LIGHTNING:'));
      assert.equal(type, 'bolt11');
      assert.equal(amount_msat, nip57.getSatoshisAmountFromBolt11(invoice) * 1000);
    }
  });
});
