// A relay that is not ours: @nostr-relay/core behind `ws`, with a repository in memory.
import { createRequire } from 'node:module';
import { matchFilter } from 'nostr-tools/filter';
import { isAddressableKind, isReplaceableKind } from 'nostr-tools/kinds';
import { WebSocketServer } from 'ws';

const require = createRequire(import.meta.url);
const { EventRepository, LogLevel, createOutgoingNoticeMessage } = require('@nostr-relay/common');
const { NostrRelay } = require('@nostr-relay/core');
const { Validator } = require('@nostr-relay/validator');

const tagValue = (event, name) => event.tags.find((tag) => tag[0] === name)?.[1];

/** What keeps one survivor per replaceable or addressable address; the id for every other event. */
const slotOf = (event) => {
  if (isReplaceableKind(event.kind)) return `${event.kind}:${event.pubkey}`;
  if (isAddressableKind(event.kind)) return `${event.kind}:${event.pubkey}:${tagValue(event, 'd') ?? ''}`;
  return event.id;
};

const newestFirst = (a, b) => b.created_at - a.created_at || (a.id < b.id ? -1 : 1);

class MemoryRepository extends EventRepository {
  slots = new Map();

  isSearchSupported() {
    return false;
  }

  upsert(event) {
    const slot = slotOf(event);
    const standing = this.slots.get(slot);
    if (standing && newestFirst(standing, event) <= 0) return { isDuplicate: true };
    this.slots.set(slot, event);
    return { isDuplicate: false };
  }

  find(filter) {
    const now = Math.floor(Date.now() / 1000);
    const live = [...this.slots.values()].filter((event) => !(Number(tagValue(event, 'expiration')) <= now));
    const found = live.filter((event) => matchFilter(filter, event)).sort(newestFirst);
    return filter.limit === undefined ? found : found.slice(0, filter.limit);
  }

  async deleteByDeletionRequest(request) {
    for (const [slot, event] of this.slots) {
      const named = request.tags.some((tag) => (tag[0] === 'e' && tag[1] === event.id) || (tag[0] === 'a' && tag[1] === slot));
      if (named && event.pubkey === request.pubkey) this.slots.delete(slot);
    }
  }

  async destroy() {
    this.slots.clear();
  }
}

/**
 * Starts one on a free loopback port. With `auth` it demands NIP-42 before it serves private messages.
 * Returns { url, repository, close }.
 */
export async function startNpmRelay({ auth = false } = {}) {
  const repository = new MemoryRepository();
  const relay = new NostrRelay(repository, {
    logLevel: LogLevel.ERROR,
    // By default the package answers a repeated REQ from what it knew up to a second ago.
    filterResultCacheTtl: 0,
    ...(auth ? { hostname: '127.0.0.1' } : {}),
  });
  const validator = new Validator({ maxContentLength: 131_072 });
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket, request) => {
    relay.handleConnection(socket, request.socket.remoteAddress);
    socket.on('message', async (data) => {
      try {
        await relay.handleMessage(socket, await validator.validateIncomingMessage(data));
      } catch (error) {
        if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(createOutgoingNoticeMessage(error.message)));
      }
    });
    socket.on('close', () => relay.handleDisconnect(socket));
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    url: `ws://127.0.0.1:${server.address().port}`,
    repository,
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
      await relay.destroy();
    },
  };
}
