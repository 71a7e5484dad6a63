// What is left of one credit (NIP-AC), by the text of the rules alone: the events of an envelope, as a relay gave them,
// folded in the order of their dates.
import { Refusal, HEX64, control, demand, entries, readEvent, required, value } from './reader.mjs';

const LIVE = ['accepted', 'spent'];
const MOVES = { offered: ['accepted', 'revoked'], accepted: ['spent', 'revoked', 'settled', 'defaulted'], spent: ['settled', 'defaulted'] };
/** Of one second: envelopes, spends, decisions on them, receipts, defaults, cancels. */
const ORDER = [39242, 39243, 39213, 39244, 39245, 39246];

const scopeOf = (event) => JSON.stringify(entries(event, 'scope')[0]?.slice(1, 3));
const sats = (amount) => {
  demand(Number.isSafeInteger(amount) && amount > 0, 'an amount of nothing');
  return amount;
};
const feeOf = (envelope, amount) => Math.ceil((amount * envelope.feeBps) / 10_000);

class Account {
  constructor(issuer) {
    this.issuer = issuer;
    this.draws = new Map();
    this.lost = 0;
  }

  get committed() {
    return [...this.draws.values()].reduce((sum, draw) => sum + (draw.state === 'cancelled' ? 0 : draw.amount + draw.fee), 0);
  }
  get settled() {
    return [...this.draws.values()].reduce((sum, draw) => sum + (draw.state === 'settled' ? draw.amount + draw.fee : 0), 0);
  }
  get remaining() {
    return LIVE.includes(this.envelope.status) ? this.envelope.max - this.committed : 0;
  }

  isOurs(event) {
    demand(required(event, 'p', HEX64) === this.envelope.agent, 'another agent');
    demand(scopeOf(event) === this.envelope.scope, 'for something else');
  }

  39242(event) {
    const id = readEvent(event, 39242);
    demand(event.pubkey === this.issuer && required(event, 'issuer') === this.issuer, 'an envelope of another issuer');
    const next = { id, agent: required(event, 'p', HEX64), scope: scopeOf(event), max: sats(Number(required(event, 'max'))), expires: Number(required(event, 'exp')),
      status: required(event, 'status'), guardian: value(event, 'guardian'), threshold: Number(value(event, 'approval_threshold') ?? Infinity),
      finalAt: Number(value(event, 'cancel_until') ?? 0), feeBps: JSON.parse(event.content).repayment?.fee_bps ?? 0, at: event.created_at, event: event.id };
    const old = this.envelope;
    if (old) {
      if (next.at < old.at || (next.at === old.at && next.event >= old.event)) return;
      demand(next.status === old.status || MOVES[old.status]?.includes(next.status), 'no way leads there');
      demand(next.max <= old.max && next.expires <= old.expires && next.agent === old.agent && next.guardian === old.guardian, 'an amendment that raises');
      demand(next.max >= this.committed, 'an amendment below what is drawn');
    }
    this.envelope = next;
  }

  39243(event) {
    const d = readEvent(event, 39243);
    this.isKnown(event);
    demand(event.pubkey === this.envelope.agent, 'a spend by somebody else');
    demand(scopeOf(event) === this.envelope.scope, 'a spend for something else');
    demand(LIVE.includes(this.envelope.status), 'nothing is to be drawn');
    const amount = sats(JSON.parse(event.content).spend_sats);
    const fee = feeOf(this.envelope, amount);
    demand(amount <= Number(required(event, 'max')), 'more than its own cap');
    demand(event.created_at < this.envelope.expires && event.created_at < Number(required(event, 'exp')), 'too late');
    demand(amount + fee <= this.remaining, 'more than is left');
    demand([...this.draws.values()].every((draw) => draw.d !== d), 'a second spend under one d');
    this.draws.set(event.id, { d, amount, fee, state: amount >= this.envelope.threshold ? 'awaiting' : 'committed' });
  }

  39213(event) {
    const draw = this.drawOf(readEvent(event, 39213));
    demand(event.pubkey === this.envelope.guardian, 'not the guardian’s word');
    if (draw.state === 'awaiting' && LIVE.includes(this.envelope.status)) draw.state = required(event, 'decision') === 'approved' ? 'committed' : 'cancelled';
  }

  39244(event) {
    const draw = this.drawOf(readEvent(event, 39244));
    this.isKnown(event);
    demand(event.pubkey === this.issuer, 'a receipt by somebody else');
    this.isOurs(event);
    if (draw.receipt === event.id) return;
    demand(draw.state === 'committed' && !this.defaulted, 'nothing to settle');
    const { spent_sats: spent, fee_sats: fee } = JSON.parse(event.content);
    demand(sats(spent) <= draw.amount && fee >= 0 && fee <= feeOf(this.envelope, spent), 'more than was drawn');
    Object.assign(draw, { amount: spent, fee, state: 'settled', receipt: event.id });
  }

  39245(event) {
    demand(readEvent(event, 39245) === `${this.envelope?.id}:default`, 'd is not the envelope’s default');
    this.isKnown(event);
    demand(event.pubkey === this.issuer && !this.defaulted, 'a default by somebody else, or a second one');
    this.isOurs(event);
    const { loss_sats: loss, reason } = JSON.parse(event.content);
    demand(reason && sats(loss) <= this.envelope.max, 'a loss above the cap, or without a reason');
    this.defaulted = true;
    this.lost = loss;
    this.envelope.status = 'defaulted';
  }

  39246(event) {
    const draw = this.drawOf(readEvent(event, 39246));
    demand(value(event, 'e') === value(event, 'd') && control(event, 'credit') === this.envelope.id, 'the cancel is of something else');
    demand([this.envelope.guardian, this.issuer].includes(event.pubkey), 'not theirs to cancel');
    demand(LIVE.includes(this.envelope.status) && event.created_at < this.envelope.finalAt, 'it is final');
    if (draw.state === 'cancelled') return;
    demand(draw.state !== 'settled', 'it is settled');
    draw.state = 'cancelled';
  }

  isKnown(event) {
    if (!this.envelope || control(event, 'credit') !== this.envelope.id) throw new Missing('of an envelope nobody knows');
  }
  drawOf(id) {
    const draw = this.draws.get(id);
    if (!draw) throw new Missing('of a spend nobody knows');
    return draw;
  }
}

/** What may make sense once more is known. */
class Missing extends Refusal {}

/** The account of `issuer`'s one envelope among `events`, and the ids of those that count nothing. */
export function readCredit(events, issuer) {
  const account = new Account(issuer);
  const rank = (event) => ORDER.indexOf(event.kind);
  let open = [...new Map(events.map((event) => [event.id, event])).values()]
    .sort((a, b) => a.created_at - b.created_at || rank(a) - rank(b) || (a.id < b.id ? 1 : -1));
  const refused = new Map();
  for (let before = open.length + 1; open.length < before; ) {
    before = open.length;
    open = open.filter((event) => {
      refused.delete(event.id);
      try {
        account[event.kind](event);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refused.set(event.id, error.message);
        return error instanceof Missing;
      }
      return false;
    });
  }
  return { account, refused };
}
