// Groups of several sizes and of both parities with @frostr/bifrost, either side asking; and a long row
// of signatures in which either side is killed again and again.
//
// SOVEREIGN_SIGNATURES sets how long that row is, in either role (40, and 10 when we ask, unless set).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { PackageEncoder } from '@frostr/bifrost';
import { generate_dealer_package } from '@frostr/bifrost/lib';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import { bytesToHex, hexToBytes } from 'nostr-tools/utils';

import { bifrostNode, closeBifrost } from './support/bifrost.mjs';
import { startNpmRelay } from './support/npm_relay.mjs';
import { now } from './support/person.mjs';
import { ok, scratch, start, startRelay } from './support/sovereign.mjs';

const chosen = process.env.SOVEREIGN_SIGNATURES;
const signatures = Number(chosen ?? 40);
const asked = Number(chosen ?? 10);  // each is a process of its own, which has just started
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const xOnly = (pubkey) => pubkey.slice(-64);

const files = scratch();
after(() => files.remove());

/** A group dealt by bifrost whose key starts with `prefix`, and our files of it. */
function deal(name, threshold, members, prefix) {
  let dealt;
  do dealt = generate_dealer_package(threshold, members);
  while (!dealt.group.group_pk.startsWith(prefix));
  const group = files.write(`${name}-group.txt`, PackageEncoder.group.encode(dealt.group) + '\n');
  const shares = dealt.shares.map((share) => files.write(`${name}-share-${share.idx}.txt`, PackageEncoder.share.encode(share) + '\n'));
  const identity = xOnly(dealt.group.group_pk);
  return {
    ...dealt,
    identity,
    files: (share) => ['--group', group, '--share', shares[share - 1]],
    node: (share, url) => bifrostNode(dealt.group, dealt.shares[share - 1], url),
    pubkey: (share) => xOnly(dealt.group.members.find((member) => member.idx === share).pubkey),
    verifies: (signature, hash) => schnorr.verify(hexToBytes(signature), hexToBytes(hash), hexToBytes(identity)),
  };
}

/** The home of a co-signer of ours that signs bare hashes for share 1. */
async function cosignerHome(dealt, name, share, url) {
  const home = files.at(`${name}-home-${share}`);
  await ok(['cosigner', 'init', '--home', home, ...dealt.files(share), '--operator', dealt.identity, '--runner', dealt.identity, '--relay', url, '--json']);
  const file = files.at(`${name}-home-${share}`, 'policy.toml');
  const policy = readFileSync(file, 'utf8');
  const blind = policy.replace(/^blind *=.*$/m, 'blind = "allow"');
  writeFileSync(file, blind === policy ? policy.replace(/^\[\[requesters\]\]$/m, '[[requesters]]\nblind = "allow"') : blind);
  return home;
}

const relays = [['an npm relay', startNpmRelay], ['our relay', startRelay]];
const shapes = [[2, 2, '02'], [2, 2, '03'], [2, 3, '02'], [2, 3, '03'], [3, 5, '02'], [3, 5, '03']];

shapes.forEach(([threshold, members, prefix], index) => {
  const [relayName, open] = relays[index % relays.length];
  const name = `${threshold}-of-${members} under a key ${prefix}…`;
  const slug = `${threshold}of${members}-${prefix}`;

  describe(`${name}, over ${relayName}`, () => {
    it('we ask and bifrost signs and derives', async () => {
      const relay = await open();
      const dealt = deal(`${slug}-a`, threshold, members, prefix);
      // The last shares, so that the members of a session are not just 1 and 2.
      const peers = await Promise.all(Array.from({ length: threshold - 1 }, (_, i) => dealt.node(members - i, relay.url)));
      try {
        for (const text of ['one', 'two']) {
          const { out } = await ok(['frost', 'sign', ...dealt.files(1), '--relay', relay.url, '--hash', sha256(text)]);
          assert.ok(dealt.verifies(out.trim(), sha256(text)));
        }
        const person = schnorr.utils.randomSecretKey();
        const { out } = await ok(['frost', 'ecdh', ...dealt.files(1), '--relay', relay.url, '--peer', bytesToHex(schnorr.getPublicKey(person))]);
        assert.equal(out.trim(), bytesToHex(secp256k1.getSharedSecret(person, hexToBytes(`02${dealt.identity}`), true).slice(1)));
      } finally {
        for (const peer of peers) await closeBifrost(peer);
        await (relay.close ?? relay.stop)();
      }
    });

    it('bifrost asks and our co-signers sign', async () => {
      const relay = await open();
      const dealt = deal(`${slug}-b`, threshold, members, prefix);
      const shares = Array.from({ length: threshold - 1 }, (_, i) => members - i);
      const services = [];
      let requester;
      try {
        for (const share of shares) services.push(await start(['cosigner', '--home', await cosignerHome(dealt, `${slug}-b`, share, relay.url)]));
        requester = await dealt.node(1, relay.url);
        for (const share of shares) {
          const ping = await requester.req.ping(dealt.pubkey(share));
          assert.ok(ping.ok, ping.err);
        }
        const signed = await requester.req.sign_batch([[sha256('theirs')]], { peers: shares.map(dealt.pubkey), stamp: now(), retries: 0 });
        assert.ok(signed.ok, signed.err);
        assert.ok(dealt.verifies(signed.data[0][2], sha256('theirs')));
        const secret = await requester.req.ecdh_batch([dealt.identity], shares.map(dealt.pubkey));
        assert.equal(secret.ok, false, 'a shared secret without a reason is nobody’s');
      } finally {
        await closeBifrost(requester);
        for (const service of services) await service.stop();
        await (relay.close ?? relay.stop)();
      }
    });
  });
});

describe('onboarding', () => {
  it('a stock node that forgot everything gets the group and nonces of our co-signer', async () => {
    const relay = await startNpmRelay();
    const dealt = deal('onboard', 2, 3, '03');
    const service = await start(['cosigner', '--home', await cosignerHome(dealt, 'onboard', 2, relay.url)]);
    const requester = await dealt.node(1, relay.url);
    try {
      const answer = await requester.req.onboard(dealt.pubkey(2));
      assert.ok(answer.ok, answer.err);
      assert.equal(answer.data.group.group_pk, dealt.group.group_pk);
      assert.ok(answer.data.nonces.length >= 10);
    } finally {
      await closeBifrost(requester);
      await service.stop();
      await relay.close();
    }
  });
});

/** What a stopped home's ledger says. Python is there, because our own checks need it. */
function ledger(home) {
  const script = `import sqlite3, sys, json
rows = sqlite3.connect(sys.argv[1]).execute("SELECT code, session, sighash FROM nonces WHERE side = 'issued' AND state = 'spent'").fetchall()
print(json.dumps(rows))`;
  return JSON.parse(execFileSync('python3', ['-c', script, `${home}/sovereign.db`], { encoding: 'utf8', maxBuffer: 1 << 28 }));
}

describe(`${signatures} signatures in a row while either side is killed`, () => {
  it('bifrost asks: none is lost, none invalid, no code signs twice', { timeout: 900_000 }, async () => {
    const relay = await startNpmRelay();
    const dealt = deal('row-theirs', 2, 3, '03');
    const home = await cosignerHome(dealt, 'row-theirs', 2, relay.url);
    let service = await start(['cosigner', '--home', home]);
    let requester = await dealt.node(1, relay.url);
    // What each code was answered with, whoever heard it: a node that is being closed still hears its
    // successor's answers.
    const answered = new Map();
    const listen = (node) => node.on('message', (message) => {
      if (message.type !== 'accept' || !message.data?.nonce_code) return;
      const { nonce_code: code, sid, psigs } = message.data;
      answered.set(code, (answered.get(code) ?? new Set()).add(JSON.stringify([sid, psigs])));
    });
    listen(requester);
    let retries = 0;
    let kills = 0;
    let restarts = 0;
    try {
      for (let i = 0; i < signatures; ++i) {
        if (randomInt(8) === 0) {
          ++kills;
          await service.kill();
          service = await start(['cosigner', '--home', home]);
        } else if (randomInt(8) === 0) {
          ++restarts;
          await closeBifrost(requester);
          requester = await dealt.node(1, relay.url);
          listen(requester);
        }
        const hash = sha256(`theirs ${i}`);
        for (let attempt = 0; ; ++attempt) {
          // Each code of before a restart costs the stock pool one attempt; it holds a batch or two.
          assert.ok(attempt < 60, `signature ${i} was lost`);
          const ping = await requester.req.ping(dealt.pubkey(2));
          // A co-signer that has restarted knows none of its codes; a requester that has, has none.
          if (ping.ok && !requester.pool.can_sign(2)) {
            const more = await requester.req.onboard(dealt.pubkey(2));
            if (more.ok) requester.pool.store_incoming(2, more.data.nonces);
          }
          const signed = await requester.req.sign_batch([[hash]], { peers: [dealt.pubkey(2)], stamp: now(), retries: 0 });
          if (signed.ok) {
            assert.ok(dealt.verifies(signed.data[0][2], hash), `signature ${i} is invalid`);
            break;
          }
          ++retries;
        }
      }
    } finally {
      await closeBifrost(requester);
      await service.stop();
      await relay.close();
    }
    const spent = ledger(home);
    const codes = new Set(spent.map(([code]) => code));
    assert.equal(codes.size, spent.length);
    for (const [code, answers] of answered) {
      assert.equal(answers.size, 1, 'a code was answered twice');
      assert.ok(codes.has(code), 'an answer that the ledger does not know');
    }
    assert.ok(answered.size >= signatures);
    assert.ok(spent.length >= signatures);
    console.log(`${signatures} signatures, ${kills} kills, ${restarts} restarts of bifrost, ${retries} retries, ${spent.length} codes spent`);
  });

  it('we ask: none is lost, none invalid, no nonce of ours or theirs serves twice', { timeout: 900_000 }, async () => {
    const relay = await startRelay();
    const dealt = deal('row-ours', 2, 3, '02');
    // The session that each point and code was first seen in, as the peer was asked.
    const served = new Map();
    const twice = [];
    const serve = async () => {
      const node = await dealt.node(2, relay.url);
      node.on('/sign/handler/req', ({ data: { sid, nonces } }) => {
        for (const { idx, code, hidden_pn, binder_pn } of nonces)
          for (const used of [hidden_pn, binder_pn, `${idx} ${code}`]) {
            if ((served.get(used) ?? sid) !== sid) twice.push(used);
            served.set(used, sid);
          }
      });
      return node;
    };
    let peer = await serve();
    let restarts = 0;
    try {
      for (let i = 0; i < asked; ++i) {
        if (randomInt(4) === 0) {
          await closeBifrost(peer);
          peer = await serve();
          ++restarts;
        }
        const hash = sha256(`ours ${i}`);
        const { out } = await ok(['frost', 'sign', ...dealt.files(1), '--relay', relay.url, '--hash', hash]);
        assert.ok(dealt.verifies(out.trim(), hash));
      }
    } finally {
      await closeBifrost(peer);
      await relay.stop();
    }
    assert.deepEqual(twice, []);
    assert.ok(new Set(served.values()).size >= asked);
    console.log(`${asked} signatures by as many processes, ${restarts} restarts of bifrost, ${served.size / 3} nonces`);
  });
});
