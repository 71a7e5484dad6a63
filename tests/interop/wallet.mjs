// NIP-47 with Alby's SDK on the other side: its client against our wallet service, and our client
// against its wallet service.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { NWCClient, NWCWalletService, NWCWalletServiceKeyPair } from '@getalby/sdk/nwc';
import { generateSecretKey, getPublicKey } from 'nostr-tools/pure';
import { bytesToHex, hexToBytes } from 'nostr-tools/utils';

import { run, scratch, start, startRelay } from './support/sovereign.mjs';

const program = join(dirname(process.env.SOVEREIGN), 'tools', 'sovereign-wallet-service');
if (!existsSync(program)) throw new Error(`${program} is missing: build sovereign-wallet-service`);
const sha256 = (hex) => createHash('sha256').update(hexToBytes(hex)).digest('hex');

describe('wallets', () => {
  const files = scratch();
  let relay, service, script;
  const uri = async (name) => (await service.until(`wallet ${name} `)).split(' ')[2];
  const invoice = async () => (await service.until('invoice shop ')).split(' ')[2];

  before(async () => {
    relay = await startRelay();
    script = files.write('script.json', '[]');
    service = await start(
      ['--relay', relay.url, '--node', 'ours=1000000', '--node', 'shop=0', '--invoice', 'shop=50000',
       '--script', script], { program });
    await service.until('ready');
  });
  after(async () => {
    await service?.stop();
    await relay?.stop();
    files.remove();
  });

  it("Alby's client gets, makes, pays, looks up and lists at our service", async () => {
    const ours = new NWCClient({ nostrWalletConnectUrl: await uri('ours') });
    const shop = new NWCClient({ nostrWalletConnectUrl: await uri('shop') });
    try {
      assert.equal((await ours.getInfo()).network, 'regtest');
      assert.equal((await ours.getBalance()).balance, 1_000_000);
      const bill = await shop.makeInvoice({ amount: 21_000, description: 'tea' });
      const paid = await ours.payInvoice({ invoice: bill.invoice });
      assert.equal(sha256(paid.preimage), bill.payment_hash);
      assert.equal((await ours.lookupInvoice({ payment_hash: bill.payment_hash })).type, 'outgoing');
      assert.ok((await shop.lookupInvoice({ payment_hash: bill.payment_hash })).settled_at > 0);
      assert.equal((await ours.listTransactions({})).transactions.length, 1);
      await assert.rejects(ours.payInvoice({ invoice: bill.invoice }), { code: 'PAYMENT_FAILED' });
    } finally {
      ours.close();
      shop.close();
    }
  });

  it("our client pays at Alby's service, and believes it by its preimage only", async () => {
    const walletSecret = bytesToHex(generateSecretKey());
    const clientSecret = generateSecretKey();
    const walletPubkey = getPublicKey(hexToBytes(walletSecret));
    const wallet = new NWCWalletService({ relayUrls: [relay.url] });
    const bill = await invoice();
    let honest = false;
    let payments = 0;
    // The coins are those of our service; Alby's code stands between, and may lie about the receipt.
    const purse = new NWCClient({ nostrWalletConnectUrl: await uri('ours') });
    const handler = {
      async getInfo() {
        return { result: { alias: 'alby', network: 'regtest', methods: ['pay_invoice'] }, error: undefined };
      },
      async payInvoice({ invoice: text }) {
        payments += 1;
        const paid = await purse.payInvoice({ invoice: text });
        return { result: honest ? paid : { ...paid, preimage: 'ab'.repeat(32) }, error: undefined };
      },
      async lookupInvoice({ payment_hash }) {
        honest = true;
        return { result: await purse.lookupInvoice({ payment_hash }), error: undefined };
      },
    };
    await wallet.publishWalletServiceInfoEvent(walletSecret, ['get_info', 'pay_invoice', 'lookup_invoice'], []);
    const unsubscribe = await wallet.subscribe(
      new NWCWalletServiceKeyPair(walletSecret, getPublicKey(clientSecret)), handler);
    try {
      const home = ['--home', files.at('home'), '--json'];
      const connection = `nostr+walletconnect://${walletPubkey}?relay=${encodeURIComponent(relay.url)}` +
        `&secret=${bytesToHex(clientSecret)}`;
      const connected = await run(['wallet', 'connect', ...home], { input: connection });
      assert.equal(connected.code, 0, connected.err);
      const paid = await run(['wallet', 'pay', bill, ...home]);
      assert.equal(paid.code, 0, paid.err + paid.out);
      assert.equal(sha256(paid.json[0].preimage), paid.json[0].payment_hash);
      assert.equal((await run(['wallet', 'pay', bill, ...home])).code, 0);
      assert.equal(payments, 1, 'asked once, whatever was shown');
      assert.equal(honest, true, 'the false receipt led to a look-up');
    } finally {
      unsubscribe();
      wallet.close();
      purse.close();
    }
  });
});
