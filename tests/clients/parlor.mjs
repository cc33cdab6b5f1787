// What the tests share: a server's address, GraphQL over HTTP, people, and sockets that can be cut.
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';

if (!process.env.PARLOR_URL) {
  throw new Error('these tests need a running server: PARLOR_URL=http://127.0.0.1:8000 npm test');
}

/** The server's base address, without a slash at its end. */
export const BASE = process.env.PARLOR_URL.replace(/\/+$/, '');
export const HTTP_URL = `${BASE}/graphql`;
export const WS_URL = HTTP_URL.replace(/^http/, 'ws');

/** Posts one operation and returns its data; throws with the errors if it has any. */
export async function graphql(query, variables = {}, token = undefined) {
  const response = await fetch(HTTP_URL, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(90_000),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(`${JSON.stringify(errors)} from ${query.trim()}`);
  return data;
}

let people = 0;

/** A name nobody has yet, also when the tests run twice against one server. */
export function freshName(stem) {
  people += 1;
  return `${stem}${Date.now().toString(36)}${process.pid.toString(36)}${people}`;
}

/** Registers somebody new. `ask` speaks GraphQL in their name. */
export async function register(stem, displayName = undefined) {
  const username = freshName(stem);
  const password = 'correct horse battery staple';
  const { register: auth } = await graphql(
    `mutation Register($input: RegisterInput!) {
      register(input: $input) { accessToken refreshToken expiresAt user { id username } }
    }`,
    { input: { username, email: `${username}@example.org`, password, displayName } },
  );
  return {
    username,
    password,
    token: auth.accessToken,
    ask: (query, variables) => graphql(query, variables, auth.accessToken),
  };
}

/** Starts a private session with the chatbot of the house. */
export async function startSession(person, title) {
  const { startSession: session } = await person.ask(
    `mutation Start($title: String) {
      startSession(input: { title: $title }) { id kind cursor messages(last: 1) { nodes { seq } } }
    }`,
    { title },
  );
  return { id: session.id, cursor: session.cursor, seq: session.messages.nodes.at(-1)?.seq ?? 0 };
}

/** Sends a message; with `waitMs`, the answer is held back until the reply is there. */
export async function send(person, input) {
  const { sendMessage } = await person.ask(
    `mutation Send($input: SendMessageInput!) {
      sendMessage(input: $input) {
        session { id }
        message { id seq content clientKey status }
        reply { id seq status content }
      }
    }`,
    { input },
  );
  return sendMessage;
}

/** The stored messages of a session, oldest first. */
export async function history(person, sessionId) {
  const { history: page } = await person.ask(
    `query History($sessionId: ID!) {
      history(sessionId: $sessionId, last: 50) { nodes { id seq status content createdAt editedAt } }
    }`,
    { sessionId },
  );
  return page.nodes;
}

/** A graphql-ws client that remembers its sockets, so that a test can pull the plug. */
export function connect(person, options = {}) {
  const sockets = new Set();
  class Socket extends WebSocket {
    constructor(...args) {
      super(...args);
      sockets.add(this);
      this.on('close', () => sockets.delete(this));
    }
  }
  const client = createClient({
    url: WS_URL,
    webSocketImpl: Socket,
    connectionParams: { authorization: `Bearer ${person.token}` },
    retryAttempts: 0,
    ...options,
  });
  const each = (action) => () => [...sockets].forEach(action);
  return Object.assign(client, {
    /** Ends the TCP connection without a WebSocket close. */
    drop: each((socket) => socket.terminate()),
    /** The same with a reset, as when a network gives up. */
    reset: each((socket) => {
      if (socket._socket) socket._socket.resetAndDestroy();
      else socket.terminate();
    }),
    /** Goes on holding the connection and reads nothing more. */
    stall: each((socket) => socket.readyState === WebSocket.OPEN && socket.pause()),
  });
}

/** Numbers in [0, 1) that are the same again for the same seed (mulberry32). */
export function randomness(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    upTo: (n) => Math.floor(next() * (n + 1)),
    oneOf: (list) => list[Math.floor(next() * list.length)],
    chance: (p) => next() < p,
  };
}

/** Runs `work(0)` to `work(count - 1)`, `width` at a time, and returns the errors. */
export async function inParallel(count, width, work) {
  const errors = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(width, count) }, async () => {
      while (next < count) {
        const index = next;
        next += 1;
        try {
          await work(index);
        } catch (error) {
          errors.push(error);
        }
      }
    }),
  );
  return errors;
}
