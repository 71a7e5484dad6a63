// nostr-tools on what bench_crypto measures: sign, verify, conversation key, NIP-44 over 1 KiB.
import { finalizeEvent, generateSecretKey, getPublicKey, verifiedSymbol, verifyEvent } from 'nostr-tools/pure';
import * as nip44 from 'nostr-tools/nip44';
import { figure, medianUs } from './figure.mjs';

const key = generateSecretKey();
const peer = getPublicKey(generateSecretKey());
const text = 'x'.repeat(1024);
const note = () => ({
  kind: 1,
  created_at: 1_700_000_000,
  tags: [['p', 'a'.repeat(64)], ['t', 'bench']],
  content: `note ${'x'.repeat(200)}`,
});
const event = finalizeEvent(note(), key);
const conversation = nip44.getConversationKey(key, peer);

figure('peer_sign_event', medianUs(() => finalizeEvent(note(), key)), 'us');
figure('peer_verify_event', medianUs(() => {
  delete event[verifiedSymbol];  // it remembers what it has checked
  if (!verifyEvent(event)) throw new Error('a good event does not verify');
}), 'us');
figure('peer_conversation_key', medianUs(() => nip44.getConversationKey(key, peer)), 'us');
figure('peer_nip44_1kib', medianUs(() => {
  const sealed = nip44.encrypt(text, conversation);
  if (nip44.decrypt(sealed, conversation) !== text) throw new Error('NIP-44 does not open what it sealed');
}), 'us');
