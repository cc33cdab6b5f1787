// A wire between a client and the server that can be cut: what a train, a lift or a proxy does to a connection.
import { createConnection, createServer } from 'node:net';
import { BASE } from './parlor.mjs';

/**
 * Stretches a wire to the server.
 *
 * `host` and `http`: where its near end is. `cut()`: ends every connection on it without a word; with `down`, it takes
 * no new one either until `mend()`.
 */
export async function stretch() {
  const { hostname, port } = new URL(BASE);
  const cuts = new Set();
  let down = false;
  const server = createServer((near) => {
    if (down) return near.resetAndDestroy();
    const far = createConnection({ host: hostname, port: port || 80 });
    const cut = () => {
      near.destroy();
      far.destroy();
      cuts.delete(cut);
    };
    cuts.add(cut);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.pipe(to);
      from.on('error', cut).on('close', cut);
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${server.address().port}`;
  const cut = (options = {}) => {
    down = options.down ?? false;
    for (const each of [...cuts]) each();
  };
  return {
    host,
    http: `http://${host}/graphql`,
    ws: `ws://${host}/graphql`,
    cut,
    mend: () => {
      down = false;
    },
    close: () => {
      cut({ down: true });
      server.close();
    },
  };
}
