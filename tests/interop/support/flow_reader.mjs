// The rest of the reader that shares no code with what it reads (see reader.mjs): who an agent is and when it wakes,
// its claims and results, approvals, delegations, proofs of a key.
import { createHash } from 'node:crypto';
import * as nip44 from 'nostr-tools/nip44';

import { HEX64, NUMBER, control, coordinate, demand, entries, readEvent, required, value } from './reader.mjs';

const RAILS = new Set(['lightning', 'cashu', 'fedimint', 'envelope']);
const KEY = /^[0-9a-f]{64}$/;
const SATS = 2_100_000_000_000_000;

const ids = (event, name) => entries(event, name).map((entry) => entry[1]);

function number(event, name, least = 0) {
  const given = control(event, name);
  if (given === undefined) return undefined;
  demand(NUMBER.test(given) && Number(given) >= least && Number(given) <= SATS, `${name} is no number in its range`);
  return Number(given);
}

/** ["budget", sats, rail, reference]: rail and reference may be left out. */
function budget(event, name) {
  const entry = entries(event, name)[0];
  if (!entry) return undefined;
  const [, , rail = 'lightning', reference] = entry;
  demand(rail !== 'envelope' || reference, 'an envelope without its id');
  return { sats: number(event, name), rail, spendable: RAILS.has(rail) };
}

/** What an event that is for the moment says about how long relays keep it. */
function fleeting(event) {
  const ends = number(event, 'expiration', 1);
  demand(ends !== undefined && ends > event.created_at, 'it does not expire');
}

/** The digest of what an event says, whenever it is said: its id at time zero. */
export const eventDigest = ({ pubkey, kind, tags, content }) =>
  createHash('sha256').update(JSON.stringify([0, pubkey, 0, kind, tags, content])).digest('hex');

/** 39200: who the agent is, who may run it, who may approve. */
export function readProfile(event, agent) {
  demand(readEvent(event, 39200) === 'profile', 'd is not profile');
  demand(event.pubkey === agent, 'the profile is by somebody else');
  const [, t, n] = entries(event, 'threshold')[0] ?? [];
  demand(NUMBER.test(t ?? '') && NUMBER.test(n ?? '') && 1 <= Number(t) && Number(t) <= Number(n) && Number(n) <= 255, 'a threshold is t of n');
  const content = JSON.parse(event.content);
  demand(typeof content.name === 'string' && content.name.trim() !== '', 'the agent has no name');
  demand(['supervised', 'bounded', 'autonomous'].includes(content.autonomy_level), 'autonomy_level is none');
  const operator = required(event, 'operator', KEY);
  const signers = entries(event, 'signer').map((entry) => ({ key: entry[1], role: entry[2] }));
  demand(signers.every(({ key }) => KEY.test(key)) && new Set(signers.map(({ key }) => key)).size === signers.length, 'signers are distinct keys');
  demand(signers.length <= Number(n), 'more signers than members');
  return { name: content.name, autonomy: content.autonomy_level, threshold: [Number(t), Number(n)], operator, signers,
    runners: ids(event, 'runner'), guardians: [operator, ...ids(event, 'guardian'), ...signers.map(({ key }) => key)] };
}

/** 39202, d schedule. */
export function readSchedule(event, agent) {
  demand(readEvent(event, 39202) === 'schedule', 'd is not schedule');
  demand(event.pubkey === agent, 'the schedule is by somebody else');
  const active = control(event, 'active') ?? 'true';
  demand(active === 'true' || active === 'false', 'active is neither true nor false');
  const heartbeat = number(event, 'heartbeat', 1);
  const triggers = entries(event, 'trigger').map((entry) => entry.slice(1).join(' '));
  demand(triggers.every((trigger) => /^(mention|dm|zap|kind \d+|custom:\d+)$/.test(trigger)), 'a trigger nobody knows');
  return { active: active === 'true', heartbeat, triggers };
}

/** 39203: what the agent tells everybody of its goals, as an object or a list. */
export function readGoals(event, agent) {
  demand(readEvent(event, 39203) === 'goals', 'd is not goals');
  demand(event.pubkey === agent, 'the goals are somebody else’s');
  const content = JSON.parse(event.content);
  const goals = Array.isArray(content) ? content : content.goals;
  demand(Array.isArray(goals), 'no goals');
  for (const goal of goals) {
    demand(typeof goal.id === 'string' && goal.id && typeof goal.description === 'string', 'a goal without a name');
    demand(['active', 'paused', 'completed', 'cancelled'].includes(goal.status), 'a status nobody knows');
    demand(Number.isInteger(goal.priority) && goal.progress >= 0 && goal.progress <= 1, 'a goal out of range');
    demand(Object.keys(goal).every((name) => ['id', 'description', 'priority', 'created_at', 'status', 'progress'].includes(name)), 'it tells more than a goal');
  }
  return goals;
}

/** 39201 in the order of publication: each names the one it replaces and is later; none can be read. */
export function readStates(events, agent) {
  for (const [i, event] of events.entries()) {
    demand(readEvent(event, 39201) === 'state' && event.pubkey === agent, 'a state of somebody else');
    demand(event.tags.some((entry) => entry[0] === 'encrypted') && control(event, 'state_version') === '1', 'the state is not marked');
    demand(!event.content.trimStart().startsWith('{'), 'a state in clear');
    demand(value(event, 'prev') === events[i - 1]?.id, 'the state does not name the one before it');
    demand(i === 0 || event.created_at > events[i - 1].created_at, 'two states of one second');
  }
  return events.length;
}

/** 39210: a tick that a runner of the agent claims. */
export function readClaim(event, { agent, profile, seen = [] }) {
  demand(/^tick-[0-9a-f]{32}$/.test(readEvent(event, 39210)), 'd is not tick-chance');
  demand(required(event, 'p', KEY) === agent, 'the claim is for another agent');
  demand(profile.runners.includes(event.pubkey) || profile.operator === event.pubkey, 'the claim is by no runner');
  demand(control(event, 'runner') === undefined || control(event, 'runner') === event.pubkey, 'runner is not the author');
  const trigger = required(event, 'trigger', /^(heartbeat|mention|dm|zap|manual|kind)$/);
  const woken = value(event, 'e');
  demand(['heartbeat', 'manual'].includes(trigger) || HEX64.test(woken ?? ''), 'what woke it is not named');
  const slot = required(event, 'slot');
  demand(woken === undefined || slot === `e:${woken}`, 'the slot is not that of what woke it');
  demand(!seen.includes(slot), 'the slot was claimed before');
  const guardian = control(event, 'guardian');
  demand(guardian === undefined || profile.guardians.includes(guardian), 'a guardian only the runner names');
  fleeting(event);
  return { id: event.id, runner: event.pubkey, trigger, woken, slot, guardian, budget: budget(event, 'budget'), threshold: number(event, 'approval_threshold') };
}

/** 39212: a question to a guardian, for a claim. */
export function readRequest(event, { claim, profile }) {
  demand(/^apr-[0-9a-f]{32}$/.test(readEvent(event, 39212)), 'd is not apr-chance');
  demand(event.pubkey === claim.runner, 'the question is not the runner’s');
  const guardian = value(event, 'p');
  demand(KEY.test(guardian ?? '') && profile.guardians.includes(guardian), 'the guardian is none the agent names');
  demand(value(event, 'e') === claim.id, 'the question is of another tick');
  const expires = number(event, 'exp', 1);
  demand(expires > event.created_at && expires <= event.created_at + 86_400, 'the question has no end within a day');
  const reason = value(event, 'reason') ?? '';
  demand([...reason].length <= 500 && !/[\u0000-\u001f]/.test(reason), 'the reason is no short line');
  demand(!event.content.trimStart().startsWith('{'), 'what is asked stands in clear');
  return { id: event.id, claim, guardian, runner: event.pubkey, at: event.created_at, expires, digest: required(event, 'action_hash', HEX64) };
}

/** 39213: what the guardian decided, to somebody who reads it at `now`. */
export function readDecision(event, { request, now }) {
  demand(readEvent(event, 39213) === request.id, 'd is not the question');
  demand(event.pubkey === request.guardian, 'the decision is not the guardian’s');
  const named = ids(event, 'e');
  demand(named.includes(request.id) && named.every((id) => [request.id, request.claim.id].includes(id)), 'the decision is about something else');
  demand((value(event, 'p') ?? request.runner) === request.runner, 'the decision is for another runner');
  demand((control(event, 'action_hash') ?? request.digest) === request.digest, 'the decision is over another action');
  demand(event.created_at >= request.at - 120, 'the decision is older than the question');
  demand(now <= request.expires && now <= (number(event, 'exp', 1) ?? now), 'the time is up');
  const decision = required(event, 'decision').toLowerCase();
  demand(['approved', 'denied'].includes(decision), 'no decision');
  return { id: event.id, approved: decision === 'approved', digest: request.digest };
}

/** 39211: what came of a claim; `decisions` are those read, `key` is the runner's, who wrote the report to the agent. */
export function readResult(event, { claim, agent, decisions = [], key }) {
  demand(readEvent(event, 39211) === claim.id, 'd is not the claim');
  demand(event.pubkey === claim.runner, 'the result is not by who claimed');
  demand(required(event, 'p', KEY) === agent, 'the result is of another agent');
  demand((control(event, 'request') ?? claim.id) === claim.id, 'request is another claim');
  demand(entries(event, 'e').some((entry) => entry[1] === claim.id && !entry[3]), 'e is not the claim');
  const [, status, detail = ''] = entries(event, 'status')[0] ?? [];
  demand(['success', 'partial', 'error', 'skipped'].includes(status), 'a status nobody knows');
  const cost = number(event, 'cost') ?? 0;
  demand(!claim.budget || cost <= claim.budget.sats, 'it cost more than it may');
  demand(number(event, 'duration', 1) === number(event, 'duration_ms', 1), 'two durations');
  const approved = ids(event, 'guardian_approved');
  for (const id of approved.filter((id) => id !== 'auto')) demand(decisions.some((one) => one.id === id && one.approved), 'an approval nobody gave');
  demand(claim.threshold === undefined || cost <= claim.threshold || approved.some((id) => id !== 'auto'), 'above the threshold without approval');
  const [, hash, algorithm, count] = entries(event, 'trajectory_hash')[0] ?? [];
  demand(hash === undefined || (HEX64.test(hash) && algorithm === 'chain-v1' && NUMBER.test(count ?? '')), 'trajectory_hash is malformed');
  fleeting(event);
  demand(!event.content.trimStart().startsWith('{'), 'the report stands in clear');
  const report = key && JSON.parse(nip44.decrypt(event.content, nip44.getConversationKey(key, agent)));
  demand(!report || report.actions.length === number(event, 'actions'), 'actions does not count the acts');
  return { status, detail, cost, approved, trajectory: value(event, 'trajectory'), hash, count: Number(count), report };
}

/** 39260: what `parent` lets `delegate` do; `chain` are those above it, the first first. */
export function readDelegation(event, { delegate, deletions = [], chain = [], now }) {
  const d = readEvent(event, 39260);
  demand(required(event, 'p', KEY) === delegate, 'it is given to somebody else');
  const expires = number(event, 'exp', 1);
  demand(expires !== undefined && expires > event.created_at && expires <= event.created_at + 30 * 86_400, 'it does not end within a month');
  demand(expires > now, 'it is over');
  const [, type, id] = entries(event, 'scope')[0] ?? [];
  demand(['skill', 'nip90', 'l402'].includes(type) && id, 'it is for nothing one knows');
  if (type === 'skill') {
    const skill = coordinate(id);
    demand(skill.kind === 33400 && skill.d.includes(':'), 'a skill scope names a version');
    demand(value(event, 'a') === undefined || id.startsWith(`${value(event, 'a')}:`), 'a is another skill');
  }
  const credit = control(event, 'credit');
  const most = number(event, 'max_amount', 1);
  demand(credit === undefined || most !== undefined, 'credit without a sum');
  const capabilities = ids(event, 'capability');
  const above = chain.at(-1);
  demand(value(event, 'delegation') === above?.id, 'what stands above it is another');
  demand(chain.length < 3, 'it is given on too often');
  if (above) {
    demand(event.pubkey === above.delegate, 'it is given on by somebody else');
    demand(expires <= above.expires && (most ?? 0) <= (above.most ?? 0), 'it grows');
    demand(capabilities.every((one) => above.capabilities.includes(one)), 'it may do more than what stands above it');
  }
  const gone = deletions.some((one) => one.kind === 5 && one.pubkey === event.pubkey &&
    (ids(one, 'e').includes(event.id) || (ids(one, 'a').includes(`39260:${event.pubkey}:${d}`) && one.created_at >= event.created_at)));
  demand(!gone, 'it was taken back');
  return { id: event.id, parent: event.pubkey, delegate, scope: [type, id], credit, most, capabilities, expires, task: event.content };
}

/** 33410 and 33411: who proved to hold which key. `answered` holds nonces that were used, and grows. */
export function readProof(challenge, response, { asker, answered = new Set(), now }) {
  const nonce = required(challenge, 'nonce', HEX64);
  demand(readEvent(challenge, 33410) === nonce && challenge.pubkey === asker, 'the challenge is another’s');
  const challenged = required(challenge, 'p', KEY);
  const expires = number(challenge, 'exp', 1);
  demand(expires > challenge.created_at, 'the challenge has no time');
  demand(readEvent(response, 33411) === challenge.id && value(response, 'e') === challenge.id, 'it answers another challenge');
  demand(response.pubkey === challenged, 'somebody else answers');
  demand(required(response, 'nonce', HEX64) === nonce && required(response, 'p', KEY) === asker, 'nonce or asker is another');
  demand(response.created_at >= challenge.created_at - 120 && response.created_at <= expires && now <= expires + 5, 'it comes too late');
  demand(!answered.has(nonce), 'the challenge was answered before');
  fleeting(challenge);
  fleeting(response);
  answered.add(nonce);
  return challenged;
}
