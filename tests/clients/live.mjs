// What every live client is put through, whatever library and transport it uses: a reply is followed as it is written,
// the connection breaks in the middle, something is said meanwhile, and in the end nothing is missing and nothing came
// twice. The clients' own files hold what differs, which is what a frontend would write.
import assert from 'node:assert/strict';
import { CheckedFold, isFinal } from './fold.mjs';
import { history, send, startSession } from './parlor.mjs';

export const SESSION_EVENTS = `
  subscription Events($sessionId: ID!, $after: String) {
    sessionEvents(sessionId: $sessionId, after: $after) {
      __typename
      ... on MessageAdded { cursor message { ...told } }
      ... on MessageChanged { cursor message { ...told } }
      ... on ReplyDelta { messageId offset text }
      ... on CaughtUp { cursor }
      ... on FeedEnded { reason retry }
    }
  }
  fragment told on Message { id seq status content createdAt editedAt }`;

const PATIENCE_MS = 30_000;

/** What one subscription of `sessionEvents` has told so far, over all its connections. */
export class Told {
  /** How many pieces of text came. */
  deltas = 0;
  #waiting = new Set();
  #failure;

  constructor(session) {
    this.session = session;
    this.fold = new CheckedFold(session);
  }

  /** The variables of the subscription, which continues `after` the newest cursor whenever they are read. */
  get variables() {
    const { fold, session } = this;
    return { sessionId: session.id, get after() { return fold.cursor; } };
  }

  /** To be called with every event. */
  take = (event) => {
    this.fold.apply(event);
    if (event.__typename === 'ReplyDelta') this.deltas += 1;
    this.#look();
  };

  /** To be called before the first event of each later connection. */
  returned = () => this.fold.reconnected();

  /** To be called with what the client can't mend by itself. */
  fail = (error) => {
    this.#failure ??= error;
    this.#look();
  };

  /** Waits until something holds; it is looked at after every event. */
  async until(holds, what) {
    let look;
    let timer;
    try {
      await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`waited ${PATIENCE_MS / 1000} s for ${what}`)), PATIENCE_MS);
        look = () => {
          if (this.#failure) reject(this.#failure);
          else if (holds()) resolve();
        };
        this.#waiting.add(look);
        look();
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(look);
    }
  }

  caughtUp() {
    return this.until(() => this.fold.caughtUp, 'CaughtUp');
  }

  /** Waits until these messages have come and are whole. */
  sees(ids) {
    return this.until(() => ids.every((id) => isFinal(this.fold.messages.get(id))), 'the end of the messages');
  }

  #look() {
    for (const look of [...this.#waiting]) look();
  }
}

/**
 * Plays the story to a client. `open(told)` subscribes and gives a function that ends the subscription; `wire`: what
 * it is connected through.
 */
export async function aReplyWithACut(person, wire, open) {
  const session = await startSession(person, 'with a cut');
  const told = new Told(session);
  const close = await open(told);
  try {
    await told.caughtUp();
    const first = await send(person, { sessionId: session.id, content: 'What can you do?' });
    await told.until(() => told.deltas > 1, 'the reply as it is written');
    assert.ok(!isFinal(told.fold.messages.get(first.reply.id)), 'it came while it was being written');

    wire.cut({ down: true });
    const second = await send(person, { sessionId: session.id, content: 'Grüße 👋🏽', waitMs: 60_000 });
    wire.mend();

    await told.sees([first, second].flatMap(({ message, reply }) => [message.id, reply.id]));
    await told.caughtUp();
    assert.deepEqual(told.fold.finish(await history(person, session.id)), []);
  } finally {
    close();
  }
}
