// NDK as the client of tools/bench: REQ to EOSE, every event verified. req_ndk.mjs URL EVENTS
import NDK from '@nostr-dev-kit/ndk';

const [url, expected] = process.argv.slice(2);
let received = 0;
const ndk = new NDK({
  explicitRelayUrls: [url],
  enableOutboxModel: false,
  initialValidationRatio: 1,
  lowestValidationRatio: 1,
});
await ndk.connect();
await new Promise((resolve) => {
  const sub = ndk.subscribe([{ kinds: [1] }], { closeOnEose: true, groupable: false, cacheUsage: 'ONLY_RELAY' });
  sub.on('event', () => (received += 1));
  sub.on('eose', resolve);
});
if (received !== Number(expected)) {
  console.error(`${received} of ${expected} events arrived`);
  process.exit(1);
}
process.exit(0);
