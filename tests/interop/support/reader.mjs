// A reader of NIP-SA and NIP-SKL records that shares no code with what wrote them: nostr-tools and the text
// of the rules. Each function takes events as a relay gave them and returns what they say, or throws a
// Refusal that names the rule they break.
import { createHash } from 'node:crypto';
import { schnorr } from '@noble/curves/secp256k1.js';
import * as nip44 from 'nostr-tools/nip44';
import * as nip59 from 'nostr-tools/nip59';
import { getEventHash, verifyEvent } from 'nostr-tools/pure';
import { hexToBytes } from 'nostr-tools/utils';

export class Refusal extends Error {}

export const demand = (holds, rule) => {
  if (!holds) throw new Refusal(rule);
};

export const HEX64 = /^[0-9a-f]{64}$/;
export const NUMBER = /^(0|[1-9][0-9]{0,18})$/;
const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
/** Nothing of these may vanish from relays by itself. */
const LASTING = new Set([33400, 33401, 39200, 39201, 39202, 39203, 39212, 39213, 39220, 39230, 39231, 39240, 39241, 39242, 39244, 39245, 39246, 39260]);

export const entries = (event, name) => event.tags.filter((entry) => entry[0] === name && entry.length > 1);
export const value = (event, name) => entries(event, name)[0]?.[1];
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** A control tag: one value, however often it is written. */
export function control(event, name) {
  const said = new Set(entries(event, name).map((entry) => entry[1]));
  demand(said.size <= 1, `${name} says two things`);
  return [...said][0];
}

export function required(event, name, form = /^[^]+$/) {
  const text = control(event, name);
  demand(text !== undefined, `${name} is missing`);
  demand(form.test(text), `${name} is malformed`);
  return text;
}

/** `kind:pubkey:d`, where `d` may hold colons. */
export function coordinate(text) {
  const [, kind, pubkey, d] = /^(0|[1-9]\d*):([0-9a-f]{64}):([^]*)$/.exec(text ?? '') ?? [];
  demand(d !== undefined, 'a coordinate is kind:pubkey:d');
  return { kind: Number(kind), pubkey, d, text };
}

/** What every event must be before its tags are read. */
export function readEvent(event, kind) {
  demand(event.kind === kind, `kind ${event.kind} where ${kind} is wanted`);
  demand(event.id === getEventHash(event), 'the id is not that of the event');
  // A copy: nostr-tools remembers on the object itself that it was verified.
  demand(verifyEvent(structuredClone({ ...event })), 'the signature is not the author’s');
  demand(Buffer.byteLength(JSON.stringify(event)) <= 65_536, 'over 65536 bytes');
  demand(event.tags.length <= 200, 'over 200 tags');
  demand(event.tags[0]?.[0] === 'd', 'd is not the first tag');
  const d = event.tags[0][1];
  demand(d.length > 0 && Buffer.byteLength(d) <= 255, 'd is empty or over 255 bytes');
  demand(entries(event, 'd').length === (kind === 33401 ? 2 : 1), 'more d than the kind has');
  if (LASTING.has(kind)) demand(value(event, 'expiration') === undefined, 'evidence that expires');
  return d;
}

/** Of several versions of one address the newest, then the lowest id. */
export function newest(events) {
  return [...events].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1))[0];
}

/** The hash of a skill's text: without byte order marks, every line ended by LF. */
export function skillHash(text) {
  return sha256(text.replace(/^\ufeff+/, '').replace(/\r\n?/g, '\n')).toString('hex');
}

/** 33400. */
export function readManifest(event, now) {
  const slug = readEvent(event, 33400);
  demand(/^[a-z0-9][a-z0-9._-]{0,63}$/.test(slug), 'the slug is none');
  const version = required(event, 'version', SEMVER);
  const expiry = Number(required(event, 'expiry', NUMBER));
  demand(expiry > event.created_at, 'expiry is not after created_at');
  for (const name of ['name', 'description']) required(event, name);
  const capabilities = entries(event, 'capability').map((entry) => entry[1]);
  demand(capabilities.length > 0, 'capability is missing');
  demand(!capabilities.includes('none') || capabilities.length === 1, 'none beside other capabilities');
  demand(entries(event, 't').some((entry) => entry[1] === 'agent-skill'), 't agent-skill is missing');
  const address = `33400:${event.pubkey}:${slug}`;
  const scope = value(event, 'skill_scope_id');
  demand(scope === undefined || scope === `${address}:${version}`, 'skill_scope_id is another skill');
  return { id: event.id, address, publisher: event.pubkey, slug, version, hash: required(event, 'manifest_hash', HEX64),
    provider: value(event, 'p') ?? event.pubkey, expired: expiry <= now, capabilities };
}

/** 33401 entries of one skill, held against the manifests they archive; newest first. */
export function readLog(events) {
  const log = events.map((event) => {
    const d = readEvent(event, 33401);
    const slug = entries(event, 'd')[1][1];
    const version = required(event, 'version', SEMVER);
    demand(new RegExp(`^${slug.replaceAll('.', '\\.')}:${version.replace(/[.+]/g, '\\$&')}:[0-9a-f]{8}$`).test(d),
      'the first d is not slug:version:chance');
    required(event, 'change_type', /^(added|changed|fixed|deprecated|security)$/);
    const archived = JSON.parse(required(event, 'manifest_json'));
    const manifest = readManifest(archived, event.created_at);
    demand(manifest.publisher === event.pubkey, 'the entry is not by the publisher');
    demand(required(event, 'manifest_event', HEX64) === manifest.id && manifest.slug === slug && manifest.version === version &&
      required(event, 'manifest_hash', HEX64) === manifest.hash, 'the entry names another manifest');
    return { version, previous: value(event, 'prev_version'), manifest, at: event.created_at };
  });
  for (const entry of log)
    demand(log.every((other) => other.version !== entry.version || other.manifest.hash === entry.manifest.hash), 'one version, two hashes');
  return log.sort((a, b) => b.at - a.at);
}

/**
 * 39220: what stands of a licence, from every version of its address and the deletions a relay knows.
 * State: active, revoked, expired.
 */
export function readLicence(versions, deletions, { issuers, agent, manifest, now }) {
  const event = newest(versions);
  const d = readEvent(event, 39220);
  demand(issuers.includes(event.pubkey), 'the issuer is not trusted');
  demand(required(event, 'p', HEX64) === agent, 'the licence is for another agent');
  demand(value(event, 'agent') === undefined || value(event, 'agent') === agent, 'p and agent are two agents');
  demand(/^[0-9a-f]{32}$/.test(d.slice(0, 32)) && d.slice(32) === `:${agent}`, 'd is not licence:agent');
  demand(coordinate(required(event, 'a')).text === manifest.address, 'the licence is for another skill');
  demand(entries(event, 'e').some((entry) => entry[1] === manifest.id), 'the licence is for another manifest');
  demand(required(event, 'version') === manifest.version && required(event, 'manifest_hash', HEX64) === manifest.hash, 'the licence is for another version');
  const licensedAt = Number(required(event, 'licensed_at', NUMBER));
  const ends = ['expires_at', 'expires'].map((name) => control(event, name)).filter((text) => text !== undefined).map(Number);
  const type = required(event, 'license_type', /^(perpetual|subscription|metered)$/);
  const maxUses = control(event, 'max_uses');
  demand(type !== 'metered' || NUMBER.test(maxUses ?? ''), 'metered without a meter');
  const address = `39220:${event.pubkey}:${d}`;
  for (const one of deletions) demand(verifyEvent(structuredClone({ ...one })), 'a deletion nobody signed');
  const deleted = deletions.some((one) => one.kind === 5 && one.pubkey === event.pubkey &&
    (entries(one, 'e').some((entry) => entry[1] === event.id) ||
      (entries(one, 'a').some((entry) => entry[1] === address) && one.created_at >= event.created_at)));
  const status = control(event, 'status') ?? 'active';
  let state = 'active';
  if (status !== 'active' || deleted) state = 'revoked';
  else if (ends.some((end) => end <= now)) state = 'expired';
  return { id: event.id, address, state, type, licensedAt, provider: required(event, 'skill_provider', HEX64),
    contentKey: required(event, 'content_pubkey', HEX64) };
}

/** 1059 → 13 → 39221: the skill's text, for whoever holds the licensed agent's key. */
export function openDelivery(wrap, { receiverKey, agentKey, agent, licence, manifest }) {
  demand(wrap.kind === 1059 && verifyEvent(structuredClone({ ...wrap })), 'no gift wrap');
  demand(!wrap.tags.some((entry) => entry[0] !== 'p'), 'the wrap tells more than its receiver');
  const rumor = nip59.unwrapEvent(wrap, receiverKey);
  demand(rumor.kind === 39221 && rumor.id === getEventHash(rumor), 'the rumor is no delivery');
  demand(rumor.pubkey === licence.provider || rumor.pubkey === manifest.publisher, 'the delivery is by nobody the licence names');
  demand(rumor.tags[0][0] === 'd' && /^[0-9a-f]{32}$/.test(rumor.tags[0][1]), 'd is not chance');
  demand(value(rumor, 'p') === agent, 'the delivery is for another agent');
  const content = JSON.parse(rumor.content);
  const inside = readManifest(content.manifest, rumor.created_at);
  demand(content.skill_address === manifest.address && content.manifest_event_id === manifest.id && inside.id === manifest.id, 'the delivery is of another manifest');
  demand(content.version === manifest.version && content.license === licence.address, 'the delivery is for another licence');
  demand(content.content_pubkey === licence.contentKey, 'the delivery is under another key than the licence names');
  const digest = sha256(['nip-skl:delivery:v1', manifest.address, manifest.id, manifest.version, manifest.hash, agent, content.content_pubkey].join('\n'));
  demand(schnorr.verify(hexToBytes(content.signature), new Uint8Array(digest), hexToBytes(manifest.publisher)), 'the publisher did not sign the delivery');
  const body = nip44.decrypt(content.content, nip44.getConversationKey(agentKey, content.content_pubkey));
  demand(skillHash(body) === manifest.hash && content.content_hash === manifest.hash, 'the text is not what the manifest promised');
  return body;
}

/** The first link of chain-v1, and each next one. */
export const chainStart = (agent, session) => sha256(`nip-sa:trajectory:v1\n${agent}\n${session}\n`);
export const chainNext = (link, id) => sha256(link, hexToBytes(id));

/** The body of a step, which may be sealed to somebody: null to those it is not for. */
function bodyOf(step, key) {
  if (step.content.startsWith('{')) return JSON.parse(step.content);
  if (!key) return null;
  return JSON.parse(nip44.decrypt(step.content, nip44.getConversationKey(key, step.pubkey)));
}

/**
 * 39230 and 39231: the steps of an ended session in order, every link and the hash of all recomputed; and the
 * hash of all but the last, for a reader whose `key` opens what the steps say.
 */
export function readTrajectory(head, events, agent, key) {
  const session = readEvent(head, 39230);
  demand(head.pubkey === agent, 'the session is not the agent’s');
  demand(Buffer.byteLength(session) <= 128, 'the session’s d is over 128 bytes');
  const started = Number(required(head, 'started_at', NUMBER));
  demand(Number(required(head, 'ended_at', NUMBER)) >= started, 'the session ends before it starts');
  const [, hash, algorithm, total] = entries(head, 'trajectory_hash')[0] ?? [];
  demand(HEX64.test(hash ?? '') && algorithm === 'chain-v1' && NUMBER.test(total ?? ''), 'trajectory_hash is malformed');
  const first = required(head, 'first', HEX64);
  const writer = control(head, 'writer') ?? head.pubkey;
  const address = `39230:${agent}:${session}`;

  const own = [...new Map(events.filter((event) => event.pubkey === writer).map((event) => [event.id, event])).values()];
  const addresses = new Set();
  for (const event of own) {
    const d = readEvent(event, 39231);
    const seq = required(event, 'seq', NUMBER);
    demand(d.startsWith(`${session}:${seq}:`) && /^[0-9a-f]{8}$/.test(d.slice(`${session}:${seq}:`.length)), 'd is not session:seq:chance');
    demand(!addresses.has(d), 'two steps share an address');
    addresses.add(d);
    demand(value(event, 'a') === address && (value(event, 'session') ?? session) === session, 'the step is of another session');
    demand(entries(event, 'e').find((entry) => entry[3] === 'root')?.[1] === first, 'the root is not the first head');
  }
  own.sort((a, b) => Number(value(a, 'seq')) - Number(value(b, 'seq')));
  demand(own.length === Number(total), `${own.length} of ${total} steps`);

  let link = chainStart(agent, session);
  for (const [i, event] of own.entries()) {
    demand(Number(value(event, 'seq')) === i + 1, 'a gap or a fork in seq');
    demand(entries(event, 'e').find((entry) => entry[3] === 'reply')?.[1] === own[i - 1]?.id, 'the step does not answer the one before it');
    demand(i === 0 || event.created_at >= own[i - 1].created_at, 'time runs backwards');
    const end = i + 1 === own.length ? bodyOf(event, key) : null;
    if (end) {
      demand(end.type === 'session_end', 'the last step does not end the session');
      demand(end.trajectory_hash === link.toString('hex') && end.count === i, 'the end does not count what came before it');
    }
    link = chainNext(link, event.id);
  }
  demand(link.toString('hex') === hash, 'the steps do not make the hash of the head');
  return { session, hash, writer, count: own.length, bodies: own.map((event) => bodyOf(event, key)) };
}
