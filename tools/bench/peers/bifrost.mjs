// @frostr/bifrost on what bench_frost and bench_frost_e2e measure. bifrost.mjs URL [rounds]
import { randomBytes } from 'node:crypto';
import { BifrostNode, BifrostSigner, Lib } from '@frostr/bifrost';
import { figure, median, medianUs, percentile } from './figure.mjs';

const [url, rounds = '40'] = process.argv.slice(2);
const hash = () => randomBytes(32).toString('hex');
const { group, shares } = Lib.generate_dealer_package(2, 3);
const signers = shares.map((share) => new BifrostSigner(group, share));

// ---- crypto ----------------------------------------------------------------------------------------

/** One request from member 1 to member 2 with the secret nonces of both. */
const makeCase = () => {
  const nonces = [0, 1].map((i) => Lib.generate_nonce_pair(shares[i].seckey));
  const template = Lib.create_session_template([shares[0].idx, shares[1].idx], [[hash()]]);
  const session = {
    ...Lib.create_session_pkg(group, template),
    nonces: nonces.map((nonce, i) => Lib.to_member_nonce(nonce, shares[i].idx)),
  };
  return { session, nonces };
};

/** As its sign handler does: the session is checked, the nonce derived and compared, the partial made. */
const respond = ({ session, nonces }) => {
  if (!Lib.verify_session_pkg(group, session)) throw new Error('the session does not verify');
  if (!Lib.verify_nonce_code(shares[1].seckey, session.nonces[1])) throw new Error('the nonce is not ours');
  const secret = Lib.derive_secret_nonce(shares[1].seckey, nonces[1].code);
  return signers[1].sign_session(session, secret);
};

/** Both parties: the responder as above, the coordinator to the signature. */
const signWhole = (input) => {
  const theirs = respond(input);
  const context = Lib.get_session_ctx(group, input.session);
  const secret = Lib.derive_secret_nonce(shares[0].seckey, input.nonces[0].code);
  const ours = signers[0].sign_session(input.session, secret);
  const problem = Lib.verify_psig_pkg(context, theirs);
  if (problem !== null) throw new Error(problem);
  return Lib.combine_signature_pkgs(context, [ours, theirs]);
};

const options = { rounds: 5, iterations: 10, prepare: makeCase };
figure('bifrost_responder_partial', medianUs(respond, options) / 1000, 'ms');
figure('bifrost_sign_2of3_both_parties', medianUs(signWhole, options) / 1000, 'ms');

// ---- end to end ------------------------------------------------------------------------------------

const start = async (share) => {
  const node = new BifrostNode(group, share, [url]);
  await node.connect();
  return node;
};
const [first, second] = [await start(shares[0]), await start(shares[1])];
const exchange = async (from, to) => {
  const answer = await from.req.ping(to.pubkey);
  if (!answer.ok) throw new Error(`ping: ${answer.err}`);
};

// sign_batch is what its own sign() calls after collecting for 100 ms: the wait is not counted.
const times = [];
await exchange(first, second);
await exchange(second, first);
for (let i = 0; i < Number(rounds); i += 1) {
  const begin = performance.now();
  const signed = await first.req.sign_batch([[hash()]], { peers: [second.pubkey] });
  times.push(performance.now() - begin);
  if (!signed.ok) throw new Error(`sign: ${signed.err}`);
}
figure('bifrost_sign_e2e_p50', median(times), 'ms');
figure('bifrost_sign_e2e_p99', percentile(times, 99), 'ms');
process.exit(0);
