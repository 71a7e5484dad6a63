// The agent and its co-signers as processes of `sovereign`, everybody else as nostr-tools, one relay.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { hexToBytes } from 'nostr-tools/utils';

import { Person } from './person.mjs';
import { ok, scratch, start } from './sovereign.mjs';

/** Kinds of the agent's record that the tests look at. */
export const kinds = {
  state: 39201, claim: 39210, result: 39211, request: 39212, decision: 39213, session: 39230, step: 39231,
};

export const tag = (event, name) => event.tags.find((entry) => entry[0] === name)?.[1];
export const tags = (event, name) => event.tags.filter((entry) => entry[0] === name).map((entry) => entry[1]);

/** The only code in a question; the text must offer exactly one line for each answer. */
export function codeIn(text) {
  const lines = text.split('\n');
  const yes = lines.filter((line) => /^yes [0-9A-Z]{4}-[0-9A-Z]{4}$/.test(line));
  const no = lines.filter((line) => /^no [0-9A-Z]{4}-[0-9A-Z]{4}$/.test(line));
  if (yes.length !== 1 || no.length !== 1 || yes[0].slice(4) !== no[0].slice(3))
    throw new Error(`not exactly one code in: ${text}`);
  return yes[0].slice(4);
}

/** The code that stands for an approval request: 40 bits of a hash over its id, in Crockford's base 32. */
export function approvalCode(id) {
  const hash = createHash('sha256').update('nip-sa:approval-code:v1\n').update(hexToBytes(id)).digest();
  let bits = hash.readUIntBE(0, 5);
  let code = '';
  for (let i = 0; i < 8; ++i, bits = Math.floor(bits / 32)) code = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[bits % 32] + code;
  return code;
}

/** chain-v1 over event ids in order, from nothing but the rule's text. */
export function chainHash(agent, session, ids) {
  const sha = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  let link = sha(`nip-sa:trajectory:v1\n${agent}\n${session}\n`);
  for (const id of ids) link = sha(link, hexToBytes(id));
  return link.toString('hex');
}

/** `sovereign` signs for an agent of two co-signers; the operator is a person with nostr-tools. */
export class World {
  static async open(url, { approvalTtl = 900, inbox = true, dashboard = false } = {}) {
    const world = new World();
    world.url = url;
    world.files = scratch();
    world.services = [];
    try {
      await world.set(approvalTtl, inbox, dashboard);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async set(approvalTtl, inbox, dashboard) {
    const { files, url } = this;
    this.operator = await Person.join(url);
    this.stranger = await Person.join(url);
    if (inbox) await this.operator.publishInbox();
    const keys = files.at('keys');
    const [dealt] = (await ok(['frost', 'deal', '-t', '2', '-n', '3', '--out', keys, '--json'])).json;
    this.agent = dealt.identity;
    const identity = (share) => ['--group', `${keys}/group.txt`, '--share', `${keys}/share-${share}.txt`];
    const [node] = (await ok(['init', '--home', files.at('node'), ...identity(1), '--relay', url, '--operator', this.operator.npub, '--name', 'tester', '--json'])).json;
    this.node = node.node;
    const config = files.at('node', 'config.toml');
    let text = readFileSync(config, 'utf8').replace(/^approval_ttl = .*$/m, `approval_ttl = ${approvalTtl}`);
    if (dashboard) text = text.replace(/^#? ?listen = .*$/m, 'listen = "127.0.0.1:0"');
    writeFileSync(config, text);
    this.cosigners = [];
    for (const share of [2, 3]) {
      const home = files.at(`cosigner-${share}`);
      const [made] = (await ok(['cosigner', 'init', '--home', home, ...identity(share), '--operator', this.operator.npub, '--runner', this.node, '--relay', url, '--json'])).json;
      this.cosigners.push(made.service);
      this.services.push(await start(['cosigner', '--home', home]));
    }
    this.log = this.stranger.follow({ kinds: Object.values(kinds) }, { kinds: [1], authors: [this.agent] });
    this.services.push(await start(['run', '--home', files.at('node')]));
  }

  async close() {
    for (const service of [...this.services].reverse()) await service.stop();
    this.operator?.leave();
    this.stranger?.leave();
    this.files.remove();
  }

  /** A stranger's note that names the agent. */
  mention(content) {
    return this.stranger.publish({ kind: 1, tags: [['p', this.agent]], content });
  }

  claimOf(note) {
    return this.log.when((event) => event.kind === kinds.claim && tag(event, 'e') === note.id, 'the claim of a tick');
  }

  async requestFor(note) {
    const claim = await this.claimOf(note);
    return this.log.when((event) => event.kind === kinds.request && tag(event, 'e') === claim.id, 'an approval request');
  }

  /** The co-signer's question to the operator about the answer to `note`. */
  async questionFor(note, text) {
    const request = await this.requestFor(note);
    const asker = tag(request, 'p');
    const message = await this.operator.messages.when((item) => item.from === asker && item.text.includes(text), 'the question');
    return { request, asker, message, code: codeIn(message.text) };
  }

  decisionOn(request) {
    return this.log.when((event) => event.kind === kinds.decision && tag(event, 'd') === request.id, 'the decision');
  }

  /** What a tick came to: its 39211. */
  async resultFor(note) {
    const claim = await this.claimOf(note);
    return this.log.when((event) => event.kind === kinds.result && tag(event, 'd') === claim.id, 'the result of a tick');
  }

  /** Notes under the agent's name that answer `note`, as the relay has them now. */
  repliesTo(note) {
    return this.stranger.fetch({ kinds: [1], authors: [this.agent], '#e': [note.id] });
  }

  /** For a failing test: what our processes said. */
  diary() {
    return this.services.map((service) => service.err()).join('\n--\n');
  }
}
