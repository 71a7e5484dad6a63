// nostr-tools as the client of tools/bench: REQ to EOSE, every event verified, in JavaScript or in wasm.
// req.mjs pure|wasm URL EVENTS
import { AbstractRelay } from 'nostr-tools/abstract-relay';

const [flavour, url, expected] = process.argv.slice(2);
const { verifyEvent, setNostrWasm } = await import(`nostr-tools/${flavour}`);
if (flavour === 'wasm') {
  const { initNostrWasm } = await import('nostr-wasm');
  setNostrWasm(await initNostrWasm());
}

let received = 0;
const relay = new AbstractRelay(url, { verifyEvent });
await relay.connect();
await new Promise((resolve, reject) => {
  relay.subscribe([{ kinds: [1] }], {
    onevent: () => (received += 1),
    oneose: resolve,
    onclose: (reason) => reject(new Error(reason)),
    // Its default takes a relay that is still sending for one that has sent all.
    eoseTimeout: 600_000,
  });
});
if (received !== Number(expected)) {
  console.error(`${received} of ${expected} events arrived`);
  process.exit(1);
}
process.exit(0);
