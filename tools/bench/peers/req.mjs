// nostr-tools as the client of tools/bench: REQ to EOSE, every event verified. req.mjs URL EVENTS
import { Relay } from 'nostr-tools/relay';

const [url, expected] = process.argv.slice(2);
let received = 0;
const relay = await Relay.connect(url);
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
