// A person with an ordinary client: nostr-tools, one key, one relay.
import { Relay } from 'nostr-tools/relay';
import * as nip04 from 'nostr-tools/nip04';
import * as nip17 from 'nostr-tools/nip17';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { npubEncode, nsecEncode } from 'nostr-tools/nip19';

import { within } from './sovereign.mjs';

export const now = () => Math.floor(Date.now() / 1000);

/** A growing list that can be waited on. */
export class Heard {
  items = [];
  waiting = [];

  add(item) {
    this.items.push(item);
    for (const look of [...this.waiting]) look(item);
  }

  /** The first item, past or future, for which `wanted` holds. */
  when(wanted, what) {
    const past = this.items.find(wanted);
    if (past !== undefined) return Promise.resolve(past);
    const future = new Promise((resolve) => {
      const look = (item) => {
        if (!wanted(item)) return;
        this.waiting.splice(this.waiting.indexOf(look), 1);
        resolve(item);
      };
      this.waiting.push(look);
    });
    return within(future, what);
  }
}

export class Person {
  key = generateSecretKey();
  pubkey = getPublicKey(this.key);
  npub = npubEncode(this.pubkey);
  nsec = nsecEncode(this.key);
  /** Private messages as { id, from, text, kind, envelope }, in the order of arrival. */
  messages = new Heard();
  seen = new Set();

  /** Connects to `url`, and reads whatever is sent to this person from now on. */
  static async join(url) {
    const person = new Person();
    person.relay = await Relay.connect(url);
    await person.listen();
    return person;
  }

  /** Subscribes to private messages; resolves when the relay serves them, after NIP-42 if it wants that. */
  listen() {
    const subscribe = (mayAuth) =>
      new Promise((resolve, reject) => {
        this.relay.subscribe([{ kinds: [4, 1059], '#p': [this.pubkey] }], {
          onevent: (event) => this.receive(event),
          oneose: resolve,
          onclose: (reason) => {
            if (!mayAuth || !/^(auth-required|restricted):/.test(reason)) return reject(new Error(reason));
            resolve(this.relay.auth(async (template) => finalizeEvent(template, this.key)).then(() => subscribe(false)));
          },
        });
      });
    return within(subscribe(true), 'private messages to be served');
  }

  sign(template) {
    return finalizeEvent({ created_at: now(), tags: [], content: '', ...template }, this.key);
  }

  async publish(template) {
    const event = this.sign(template);
    await this.relay.publish(event);
    return event;
  }

  /** Says where private messages are read (kind 10050): without it NIP-17 clients do not write. */
  publishInbox() {
    return this.publish({ kind: 10050, tags: [['relay', this.relay.url]] });
  }

  receive(event) {
    if (this.seen.has(event.id)) return;
    this.seen.add(event.id);
    if (event.kind === 4) {
      const text = nip04.decrypt(this.key, event.pubkey, event.content);
      this.messages.add({ id: event.id, from: event.pubkey, text, kind: 4, envelope: event });
      return;
    }
    let rumor;
    try {
      rumor = nip17.unwrapEvent(event, this.key);
    } catch {
      return; // not a message for us, or one whose author is forged
    }
    this.messages.add({ id: rumor.id, from: rumor.pubkey, text: rumor.content, kind: rumor.kind, envelope: event });
  }

  /** A NIP-17 message; returns the wrap, so that it can be sent again. */
  async say(to, text) {
    const wrap = nip17.wrapEvent(this.key, { publicKey: to }, text);
    await this.relay.publish(wrap);
    return wrap;
  }

  /** A NIP-04 message. */
  sayLegacy(to, text) {
    return this.publish({ kind: 4, tags: [['p', to]], content: nip04.encrypt(this.key, to, text) });
  }

  /** Stored events that match. */
  fetch(...filters) {
    const found = [];
    const done = new Promise((resolve, reject) => {
      const subscription = this.relay.subscribe(filters, {
        onevent: (event) => found.push(event),
        oneose: () => {
          resolve(found);
          subscription.close();
        },
        onclose: (reason) => reject(new Error(reason)),
      });
    });
    return within(done, `events for ${JSON.stringify(filters)}`);
  }

  /** Events that match, stored and new, as a list to wait on. */
  follow(...filters) {
    const heard = new Heard();
    this.relay.subscribe(filters, { onevent: (event) => heard.add(event) });
    return heard;
  }

  leave() {
    this.relay.close();
  }
}
