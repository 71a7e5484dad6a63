// @frostr/bifrost on what bench_frost and bench_frost_e2e measure. bifrost.mjs URL [rounds]
import { randomBytes } from 'node:crypto';
import { BifrostNode, BifrostSigner, Lib } from '@frostr/bifrost';
import { figure, median, percentile } from './figure.mjs';

const [url, rounds = '40'] = process.argv.slice(2);
const hash = () => randomBytes(32).toString('hex');

// ---- crypto ----------------------------------------------------------------------------------------

/** What costs time in a group: one responder, and all parties of a session. */
function measureCrypto(threshold, members) {
  const { group, shares } = Lib.generate_dealer_package(threshold, members);
  const quorum = shares.slice(0, threshold);
  const signers = quorum.map((share) => new BifrostSigner(group, share));

  /** One request from member 1 to the others of a quorum, with the secret nonces of all. */
  const makeCase = () => {
    const nonces = quorum.map((share) => Lib.generate_nonce_pair(share.seckey));
    const template = Lib.create_session_template(quorum.map((share) => share.idx), [[hash()]]);
    const session = {
      ...Lib.create_session_pkg(group, template),
      nonces: nonces.map((nonce, i) => Lib.to_member_nonce(nonce, quorum[i].idx)),
    };
    return { session, nonces };
  };

  /** As its sign handler does: the session is checked, the nonce derived and compared, the partial made. */
  const respondAs = (i, { session, nonces }) => {
    if (!Lib.verify_session_pkg(group, session)) throw new Error('the session does not verify');
    if (!Lib.verify_nonce_code(quorum[i].seckey, session.nonces[i])) throw new Error('the nonce is not ours');
    return signers[i].sign_session(session, Lib.derive_secret_nonce(quorum[i].seckey, nonces[i].code));
  };

  /** All parties: the responders as above, the coordinator to the signature. */
  const signWhole = (input) => {
    const context = Lib.get_session_ctx(group, input.session);
    const parts = quorum.map((_, i) => {
      if (i === 0) return signers[0].sign_session(input.session, Lib.derive_secret_nonce(quorum[0].seckey, input.nonces[0].code));
      const theirs = respondAs(i, input);
      const problem = Lib.verify_psig_pkg(context, theirs);
      if (problem !== null) throw new Error(problem);
      return theirs;
    });
    return Lib.combine_signature_pkgs(context, parts);
  };

  const usual = threshold === 2;
  const name = `${threshold}of${members}`;
  const samples = (work, count) => {
    const times = [];
    for (let i = 0; i < count + 3; i += 1) {
      const input = makeCase();
      const begin = performance.now();
      work(input);
      if (i >= 3) times.push(performance.now() - begin);  // the first ones warm up the engine
    }
    return times;
  };
  const report = (metric, times) => {
    figure(metric, median(times), 'ms');
    figure(`${metric}_p99`, percentile(times, 99), 'ms');
  };
  report(usual ? 'bifrost_responder_partial' : `bifrost_responder_partial_${name}`, samples((input) => respondAs(1, input), usual ? 50 : 10));
  report(usual ? 'bifrost_sign_2of3_both_parties' : `bifrost_sign_all_parties_${name}`, samples(signWhole, usual ? 50 : 5));
}

// ---- end to end ------------------------------------------------------------------------------------

/** A quorum in one process over the relay, as bench_frost_e2e has it. */
async function measureEndToEnd(threshold, members, count) {
  const { group, shares } = Lib.generate_dealer_package(threshold, members);
  const nodes = [];
  for (const share of shares.slice(0, threshold)) {
    const node = new BifrostNode(group, share, [url]);
    await node.connect();
    nodes.push(node);
  }
  const [first, ...others] = nodes;
  for (const other of others)
    for (const [from, to] of [[first, other], [other, first]]) {
      const answer = await from.req.ping(to.pubkey);
      if (!answer.ok) throw new Error(`ping: ${answer.err}`);
    }
  // sign_batch is what its own sign() calls after collecting for 100 ms: the wait is not counted.
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const begin = performance.now();
    const signed = await first.req.sign_batch([[hash()]], { peers: others.map((other) => other.pubkey) });
    times.push(performance.now() - begin);
    if (!signed.ok) throw new Error(`sign: ${signed.err}`);
  }
  const name = threshold === 2 ? 'bifrost_sign_e2e' : `bifrost_sign_e2e_${threshold}of${members}`;
  figure(`${name}_p50`, median(times), 'ms');
  figure(`${name}_p99`, percentile(times, 99), 'ms');
}

measureCrypto(2, 3);
measureCrypto(3, 5);
measureCrypto(10, 15);
await measureEndToEnd(2, 3, Number(rounds));
await measureEndToEnd(3, 5, Math.ceil(Number(rounds) / 2));
await measureEndToEnd(10, 15, 3);
process.exit(0);
