// @frostr/bifrost 2.0.2, the reference library, in one group with us: it answers our requests, and our
// co-signer judges its.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { PackageEncoder } from '@frostr/bifrost';
import { generate_dealer_package } from '@frostr/bifrost/lib';
import { schnorr, secp256k1 } from '@noble/curves/secp256k1.js';
import * as nip44 from 'nostr-tools/nip44';
import { getEventHash, verifyEvent } from 'nostr-tools/pure';
import { bytesToHex, hexToBytes } from 'nostr-tools/utils';

import { bifrostNode, closeBifrost } from './support/bifrost.mjs';
import { startNpmRelay } from './support/npm_relay.mjs';
import { Person, now } from './support/person.mjs';
import { ok, run, scratch, start, startRelay } from './support/sovereign.mjs';
import { approvalCode, codeIn, kinds, tag } from './support/world.mjs';

const sha256 = (text) => createHash('sha256').update(text).digest('hex');
const xOnly = (pubkey) => pubkey.slice(-64);

/** A group dealt by us, as its files and as bifrost reads them. */
async function deal(files, name, ...options) {
  const dir = files.at(name);
  const [about] = (await ok(['frost', 'deal', '-t', '2', '-n', '3', '--out', dir, '--json', ...options])).json;
  const read = (file) => readFileSync(`${dir}/${file}`, 'utf8').trim();
  return {
    ...about,
    group: PackageEncoder.group.decode(read('group.txt')),
    shares: [1, 2, 3].map((i) => PackageEncoder.share.decode(read(`share-${i}.txt`))),
    text: { group: read('group.txt'), shares: [1, 2, 3].map((i) => read(`share-${i}.txt`)) },
    files: (share) => ['--group', `${dir}/group.txt`, '--share', `${dir}/share-${share}.txt`],
  };
}

/** The stock node for a share of a group that deal() made. */
const nodeOf = (dealt, share, url) => bifrostNode(dealt.group, dealt.shares[share - 1], url);

const files = scratch();
after(() => files.remove());

describe('credentials', () => {
  it('dealt by us are read by bifrost, and encode to the same strings', async () => {
    const dealt = await deal(files, 'ours');
    assert.equal(xOnly(dealt.group.group_pk), dealt.identity);
    assert.equal(dealt.group.threshold, 2);
    assert.deepEqual(dealt.group.members.map((member) => [member.idx, xOnly(member.pubkey)]), dealt.members.map((member) => [member.idx, member.pubkey]));
    for (const share of dealt.shares) {
      const pubkey = bytesToHex(secp256k1.getPublicKey(hexToBytes(share.seckey), true));
      assert.equal(dealt.group.members.find((member) => member.idx === share.idx).pubkey, pubkey);
    }
    assert.equal(PackageEncoder.group.encode(dealt.group), dealt.text.group);
    assert.deepEqual(dealt.shares.map((share) => PackageEncoder.share.encode(share)), dealt.text.shares);
  });

  it('from a secret of ours rebuild that secret', async () => {
    const secret = schnorr.utils.randomSecretKey();
    const dealt = await deal(files, 'from-secret', '--secret-file', files.write('secret.key', bytesToHex(secret) + '\n'));
    assert.equal(dealt.identity, bytesToHex(schnorr.getPublicKey(secret)));
    // Lagrange at 0 over shares 1 and 3: s = 3/2 s1 - 1/2 s3.
    const { Fn } = secp256k1.Point;
    const [s1, , s3] = dealt.shares.map((share) => BigInt(`0x${share.seckey}`));
    const half = Fn.inv(2n);
    const rebuilt = Fn.sub(Fn.mul(Fn.mul(3n, half), s1), Fn.mul(half, s3));
    assert.ok([rebuilt, Fn.neg(rebuilt)].includes(BigInt(`0x${bytesToHex(secret)}`)));
  });

  it('dealt by bifrost are read by us', async () => {
    const { group, shares } = generate_dealer_package(3, 5);
    const file = files.write('stock-group.txt', PackageEncoder.group.encode(group) + '\n');
    const [status] = (await ok(['frost', 'status', '--group', file, '--json'])).json;
    assert.equal(status.identity, xOnly(group.group_pk));
    assert.equal(status.threshold, 3);
    assert.deepEqual(status.members, group.members.map((member) => ({ idx: member.idx, pubkey: xOnly(member.pubkey) })));
    const made = await ok(['cosigner', 'init', '--home', files.at('stock-home'), '--group', file, '--share', files.write('stock-share.txt', PackageEncoder.share.encode(shares[3])),
      '--operator', status.identity, '--runner', status.identity, '--relay', 'ws://127.0.0.1:1', '--json']);
    assert.equal(made.json[0].share, xOnly(group.members[3].pubkey));
  });

  it('dealt by bifrost come in, lie sealed and go out again as bifrost wrote them', async () => {
    const phrase = ['--passphrase-file', files.write('phrase.txt', 'a phrase\n')];
    for (const [threshold, members, prefix] of [[2, 2, '02'], [2, 3, '03'], [3, 5, '03']]) {
      let dealt;
      do dealt = generate_dealer_package(threshold, members);
      while (!dealt.group.group_pk.startsWith(prefix));
      const name = `round-${threshold}-${members}`;
      const text = { group: PackageEncoder.group.encode(dealt.group), shares: dealt.shares.map((share) => PackageEncoder.share.encode(share)) };
      const group = files.write(`${name}-group.txt`, text.group + '\n');
      const shares = text.shares.map((share, i) => files.write(`${name}-${i + 1}.txt`, share + '\n'));
      const taken = files.at(name);
      await ok(['frost', 'import', '--group', group, ...shares.flatMap((share) => ['--share', share]), '--out', taken, ...phrase]);
      assert.equal(readFileSync(`${taken}/group.txt`, 'utf8').trim(), text.group);
      for (const [i, share] of dealt.shares.entries()) {
        const sealed = `${taken}/share-${share.idx}.txt`;
        assert.match(readFileSync(sealed, 'utf8'), /^sovshare1/);
        const back = files.at(`${name}-back-${share.idx}.txt`);
        await ok(['frost', 'export', '--group', `${taken}/group.txt`, '--share', sealed, '--from-passphrase-file', phrase[1], '--out', back]);
        const written = readFileSync(back, 'utf8').trim();
        assert.equal(written, text.shares[i]);
        assert.deepEqual(PackageEncoder.share.decode(written), share);
      }
    }
  });
});

for (const [name, open] of [['the npm relay', startNpmRelay], ['our relay', startRelay]]) {
  describe(`bifrost as the co-signer of our requests, over ${name}`, () => {
    let relay, dealt, peer;
    before(async () => {
      relay = await open();
      dealt = await deal(files, `asking-${name}`);
      peer = await nodeOf(dealt, 2, relay.url);
    });
    after(async () => {
      await closeBifrost(peer);
      await (relay.close ?? relay.stop)();
    });

    it('signs a hash, and the signature is the group’s', async () => {
      for (const text of ['one', 'two', 'three']) {
        const { out } = await ok(['frost', 'sign', ...dealt.files(1), '--relay', relay.url, '--hash', sha256(text)]);
        assert.ok(schnorr.verify(hexToBytes(out.trim()), hexToBytes(sha256(text)), hexToBytes(dealt.identity)));
      }
    });

    it('signs an event that nostr-tools verifies', async () => {
      const file = files.write('event.json', JSON.stringify({ kind: 1, content: 'by a quorum of two libraries 🤝', tags: [['t', 'frost']] }));
      const { json } = await ok(['frost', 'sign', ...dealt.files(1), '--relay', relay.url, '--event', file]);
      assert.equal(verifyEvent(json[0]), true);
      assert.equal(json[0].pubkey, dealt.identity);
    });

    it('derives a shared secret that the other side of the conversation has too', async () => {
      const person = schnorr.utils.randomSecretKey();
      const { out } = await ok(['frost', 'ecdh', ...dealt.files(1), '--relay', relay.url, '--peer', bytesToHex(schnorr.getPublicKey(person))]);
      const expected = secp256k1.getSharedSecret(person, hexToBytes(`02${dealt.identity}`), true);
      assert.equal(out.trim(), bytesToHex(expected.slice(1)));
    });

    it('that holds the share of another group is no quorum', async () => {
      const other = await deal(files, `other-${name}`);
      const result = await run(['frost', 'sign', ...other.files(1), '--relay', relay.url, '--hash', sha256('x')]);
      assert.equal(result.code, 1, result.out + result.err);
    });
  });
}

describe('bifrost as the requester of our co-signer', () => {
  let relay, dealt, service, asker, requester, operator, runner;
  before(async () => {
    relay = await startNpmRelay();
    operator = await Person.join(relay.url);
    runner = await Person.join(relay.url);
    dealt = await deal(files, 'answering');
    const home = files.at('judge');
    const made = await ok(['cosigner', 'init', '--home', home, ...dealt.files(2), '--operator', operator.npub, '--runner', runner.npub, '--relay', relay.url, '--json']);
    asker = made.json[0].service;
    const policyFile = files.at('judge', 'policy.toml');
    // Notes are signed unasked in this test group; share 3 belongs to a requester trusted to send bare hashes.
    const policy = readFileSync(policyFile, 'utf8').replace(/^\[kinds\.1\][^[]*/m, '');
    writeFileSync(policyFile, `${policy}\n[kinds.1]\nverdict = "sign"\n\n[[requesters]]\nidx = 3\nblind = "allow"\n`);
    service = await start(['cosigner', '--home', home]);
    assert.equal(service.line, `ready ${dealt.members[1].pubkey}`);
    requester = await nodeOf(dealt, 1, relay.url);
    const ping = await requester.req.ping(dealt.members[1].pubkey);
    assert.ok(ping.ok, ping.err);
  });
  after(async () => {
    await closeBifrost(requester);
    await service?.stop();
    operator?.leave();
    runner?.leave();
    await relay?.close();
  });

  const peers = () => ({ peers: [dealt.members[1].pubkey], retries: 0 });
  const draft = (kind, content, created_at = now()) => ({ pubkey: dealt.identity, created_at, kind, tags: [], content });
  const batch = (events, hashes = events.map((event) => [getEventHash(event)])) =>
    requester.req.sign_batch(hashes, { content: Buffer.from(JSON.stringify(events[0])).toString('hex'), type: 'event', stamp: now(), ...peers() });
  /** The reject that `ask` of `node` is answered with. Each costs a nonce, so it pings before. */
  const rejected = async (node, ask) => {
    const ping = await node.req.ping(dealt.members[1].pubkey);
    assert.ok(ping.ok, ping.err);
    const before = node.rejects.items.length;
    const started = Date.now();
    const answer = await ask();
    assert.equal(answer.ok, false);
    assert.ok(Date.now() - started < 9_000, 'a reject, and not silence until the time-out');
    assert.ok(node.rejects.items.length > before); // sign() asks twice
    return node.rejects.items.at(-1);
  };
  const refusal = (...args) => rejected(requester, () => batch(...args));

  it('ping: it gets nonces, and echo comes back', async () => {
    assert.ok(requester.pool.can_sign(2), 'enough nonces of ours are in its pool');
    const echo = await requester.req.echo('hello');
    assert.ok(echo.ok, echo.err);
  });

  it('sign_batch with one hash and the event as hex is judged and signed', async () => {
    const event = draft(1, 'asked for by bifrost');
    const signed = await batch([event]);
    assert.ok(signed.ok, signed.err);
    const [[hash, pubkey, sig]] = signed.data;
    assert.equal(hash, getEventHash(event));
    assert.equal(xOnly(pubkey), dealt.identity);
    assert.equal(verifyEvent({ ...event, id: hash, sig }), true);
  });

  it('again and again, until the nonces of the first ping are long used up', async () => {
    for (let i = 0; i < 30; ++i) {
      const event = draft(1, `note ${i}`);
      const signed = await batch([event]);
      assert.ok(signed.ok, `note ${i}: ${signed.err}`);
      assert.equal(verifyEvent({ ...event, id: getEventHash(event), sig: signed.data[0][2] }), true);
    }
  });

  it('a kind that asks is answered with approval-required', async () => {
    assert.match(await refusal([draft(7, '+')]), /^approval-required:[0-9a-f]{64}/);
  });

  it('a yes for one event signs that event and no other: neither one changed afterwards nor one dated anew', async () => {
    const event = draft(7, '+');
    const digest = sha256(JSON.stringify([0, event.pubkey, 0, event.kind, event.tags, event.content]));
    assert.equal(await refusal([event]), `approval-required:${digest}`);
    // The requester's runner asks the co-signer to ask, as our node does. A code without a digit is not issued.
    const key = nip44.getConversationKey(runner.key, asker);
    let request;
    do {
      request = runner.sign({
        kind: kinds.request,
        content: nip44.encrypt(JSON.stringify({ v: 1, event: JSON.stringify(event) }), key),
        tags: [['d', `apr-${bytesToHex(randomBytes(16))}`], ['p', asker], ['e', sha256('tick')], ['agent', dealt.identity], ['action', 'kind:7'],
          ['action_hash', digest], ['exp', String(now() + 300)]],
      });
    } while (!/[0-9]/.test(approvalCode(request.id)));
    const decisions = runner.follow({ kinds: [kinds.decision], authors: [asker] });
    await runner.relay.publish(request);
    const question = await operator.messages.when((item) => item.from === asker, 'the question');
    const code = codeIn(question.text);
    assert.equal(code.replace('-', ''), approvalCode(request.id));
    await operator.sayLegacy(asker, `yes ${code}`);
    await decisions.when((decision) => tag(decision, 'd') === request.id && tag(decision, 'decision') === 'approved', 'the decision');

    assert.match(await refusal([{ ...event, content: '-' }]), /^approval-required:/);
    for (const time of ['first', 'again']) {
      const signed = await batch([event]);
      assert.ok(signed.ok, `${time}: ${signed.err}`);
      assert.equal(verifyEvent({ ...event, id: getEventHash(event), sig: signed.data[0][2] }), true);
    }
    assert.match(await refusal([{ ...event, created_at: event.created_at + 1 }]), /^refused:/);
  });

  it('a kind the policy does not name is refused with a reject', async () => {
    assert.match(await refusal([draft(30040, 'an index')]), /refused/);
  });

  it('kinds the group never signs are refused with a reject', async () => {
    for (const kind of [4, 13, 1059, 24133, 27235]) assert.match(await refusal([draft(kind, 'x')]), /refused/, `kind ${kind}`);
  });

  it('content that does not hash to the sighash is refused with a reject', async () => {
    assert.match(await refusal([draft(1, 'shown')], [[getEventHash(draft(1, 'meant'))]]), /wrong-sighash/);
  });

  it('two hashes in a session are refused with a reject, whatever else is right', async () => {
    assert.match(await refusal([draft(1, 'first'), draft(1, 'second')]), /one-hash-only/);
  });

  it('tweaks are refused with a reject', async () => {
    const event = draft(1, 'tweaked');
    assert.match(await refusal([event], [[getEventHash(event), bytesToHex(randomBytes(32))]]), /tweaks/);
  });

  it('bare sign() is blind and refused with a reject', async () => {
    assert.match(await rejected(requester, () => requester.req.sign(sha256('what is this'))), /blind/);
  });

  it('ecdh without a reason is refused with a reject', async () => {
    const person = bytesToHex(schnorr.getPublicKey(schnorr.utils.randomSecretKey()));
    assert.match(await rejected(requester, () => requester.req.ecdh_batch([person], [dealt.members[1].pubkey])), /refused/);
  });

  it('bare sign() of the requester whose policy says blind = allow is signed, two hashes still are not', async () => {
    const trusted = await nodeOf(dealt, 3, relay.url);
    const ping = await trusted.req.ping(dealt.members[1].pubkey);
    assert.ok(ping.ok, ping.err);
    // sign() draws its peer by chance among those it has nonces of: only our co-signer.
    const hash = sha256('trusted');
    const signed = await trusted.req.sign(hash);
    assert.ok(signed.ok, signed.err);
    assert.ok(schnorr.verify(hexToBytes(signed.data[2]), hexToBytes(hash), hexToBytes(dealt.identity)));
    assert.match(await rejected(trusted, () => trusted.req.sign_batch([[sha256('a')], [sha256('b')]], peers())), /one-hash-only/);
    await closeBifrost(trusted);
  });
});
