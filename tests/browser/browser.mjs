// A browser that takes notes: which hosts it was sent to, and what went wrong on its pages.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

/** Where the server under test answers. */
export function serverUrl() {
  const url = process.env.PARLOR_URL;
  if (!url) throw new Error('PARLOR_URL says where the server is, for example http://127.0.0.1:8000');
  return new URL(url);
}

/**
 * Starts a browser. A visitor is an empty profile: no cookies, no storage, nothing in the cache.
 *
 * `strangers` are the addresses it was sent to on other hosts than the server's, `complaints` the errors of its
 * pages; both grow as it goes.
 */
export async function startBrowser() {
  const getChromium = fileURLToPath(new URL('../../scripts/get-chromium', import.meta.url));
  const browser = await chromium.launch({
    executablePath: execFileSync(getChromium, { encoding: 'utf8' }).trim(),
    args: [
      '--disable-gpu',
      // What Chromium does on its own account would be taken for the page's doing, and needs a network.
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-quic',
      '--disable-sync',
      '--no-first-run',
      // Chromium's sandbox does not run as root.
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });

  const strangers = [];
  const complaints = [];
  const meet = (address) => {
    const { protocol, host } = new URL(address);
    const isNetwork = !['data:', 'blob:', 'about:'].includes(protocol);
    if (isNetwork && host !== serverUrl().host) strangers.push(address);
  };
  return {
    strangers,
    complaints,
    stop: () => browser.close(),

    /** An empty profile. `expected` are the errors that its pages will report because a test wants them. */
    async newVisitor(expected = /(?!)/) {
      const context = await browser.newContext({
        baseURL: serverUrl().href,
        viewport: { width: 1400, height: 1000 },
      });
      context.setDefaultTimeout(15_000);
      context.on('request', (request) => meet(request.url()));
      context.on('page', (page) => page.on('websocket', (socket) => meet(socket.url())));
      context.on('console', (message) => {
        if (message.type() === 'error' && !expected.test(message.text())) complaints.push(message.text());
      });
      context.on('weberror', (error) => complaints.push(String(error.error())));
      context.on('requestfailed', (request) => {
        const reason = request.failure()?.errorText;
        // Aborted is what a page was still loading when it was left.
        if (reason !== 'net::ERR_ABORTED') complaints.push(`${request.url()}: ${reason}`);
      });
      return context;
    },
  };
}
