// @frostr/bifrost nodes as a person runs them beside us.
import { BifrostNode } from '@frostr/bifrost';

import { Heard } from './person.mjs';
import { within } from './sovereign.mjs';

/** A stock node for `share` of `group`, run as rule 13 of our FROST notes demands: one hash in a session. */
export async function bifrostNode(group, share, url) {
  const node = new BifrostNode(group, share, [url], {
    max_sign_batch: 1,
    middleware: {
      sign: (_, message) => {
        if (message.data.hashes.length !== 1) throw new Error('one hash in a session');
        return message;
      },
    },
    node_config: { msg_timeout: 10_000, sub_timeout: 10_000 },
  });
  // What it is told, and what it makes of it: the library drops the reason of a reject on the way.
  node.rejects = new Heard();
  node.on('message', (message) => {
    if (message.type === 'reject') node.rejects.add(message.reason);
  });
  const ready = new Promise((resolve) => node.on('ready', resolve));
  await node.connect();
  await within(ready, 'bifrost to connect');
  return node;
}

/** Its close() throws after it has stopped its timers and leaves the socket, over which it would go on answering. */
export async function closeBifrost(node) {
  if (!node) return;
  const sockets = node.client.client.sockets.map((socket) => socket.ws).filter((ws) => ws.readyState !== WebSocket.CLOSED);
  await node.close().catch(() => {});
  const closed = sockets.map((ws) => new Promise((resolve) => ws.addEventListener('close', resolve)));
  for (const ws of sockets) ws.close();
  await within(Promise.all(closed), 'bifrost’s sockets to close').catch(() => {});
}
