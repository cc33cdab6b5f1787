// How a client turns `sessionEvents` into a conversation, and how a test tells whether the events were right.
//
// `Fold` is all that a frontend needs: some 30 lines, to be copied. `CheckedFold` does the same and also notices
// whatever a good server never sends. A frontend has no use for it.

/** Statuses in which a message no longer grows. */
const FINAL = new Set(['COMPLETE', 'CANCELLED', 'FAILED', 'DELETED']);

export const isFinal = (message) => FINAL.has(message?.status);

/**
 * A session and its messages as its events have told them so far.
 *
 * Subscribe with `after` set to `cursor`, apply every event, and after a lost connection do the same again: the
 * cursor says what has been seen, so nothing is asked for twice and nothing is missed.
 */
export class Fold {
  /** Messages by id. A later event about a message replaces what is here. */
  messages = new Map();
  /** The session itself, if it has changed: a later event replaces what is here. */
  session = null;
  /** Where to continue from: the cursor of the last event that had one. */
  cursor;

  constructor(cursor = null) {
    this.cursor = cursor;
  }

  apply(event) {
    switch (event.__typename) {
      case 'MessageAdded':
      case 'MessageChanged':
        this.messages.set(event.message.id, { ...event.message });
        break;
      case 'ReplyDelta': {
        // Offsets count Unicode scalar values, and so does spreading a string: an emoji is one, not two.
        const message = this.messages.get(event.messageId);
        if (message) {
          message.content = [...message.content].slice(0, event.offset).join('') + event.text;
        }
        break;
      }
      case 'SessionChanged':
        this.session = event.session;
        break;
      default: // Everything else changes nothing here, but may move the cursor.
    }
    if (event.cursor) this.cursor = event.cursor;
  }

  /** The conversation, oldest first. */
  get history() {
    return [...this.messages.values()].sort((a, b) => a.seq - b.seq);
  }
}

/**
 * A fold that keeps a list of everything wrong with the events it was given.
 *
 * It is stricter than a client has to be. A client heals from a repeated delta without noticing; here it is a fault,
 * because a server that repeats deltas has lost count of them. Cursors are opaque, so their order is judged by
 * comparing two feeds of the same session (`compareFeeds`), never by looking inside.
 */
export class CheckedFold extends Fold {
  faults = [];
  /** The log events (those that alter the history) in the order in which they came, over all connections. */
  log = [];
  #cursors = new Set();
  #baseSeq;
  #topSeq;
  // What is known of the present connection only.
  #caughtUp = false;
  #ended = false;
  #growing = new Set();

  #steered;

  /**
   * `cursor`: where the first subscription starts. `seq`: the last message that the client knows by then. `steered`:
   * replies are cancelled and written anew; where they are not, nothing that is final may begin again.
   */
  constructor({ cursor = null, seq = 0, steered = false } = {}) {
    super(cursor);
    this.#steered = steered;
    if (cursor) this.#cursors.add(cursor);
    this.#baseSeq = seq;
    this.#topSeq = seq;
  }

  get caughtUp() {
    return this.#caughtUp;
  }

  /** To be called before the first event of every subscription but the first. */
  reconnected() {
    this.#caughtUp = false;
    this.#ended = false;
    this.#growing.clear();
  }

  apply(event) {
    if (this.#ended) this.#fault(`${event.__typename} after FeedEnded`);
    switch (event.__typename) {
      case 'MessageAdded':
      case 'MessageChanged':
        this.#checkMessage(event);
        break;
      case 'ReplyDelta':
        this.#checkDelta(event);
        break;
      case 'SessionChanged':
        this.#checkNewCursor(event);
        this.log.push({ cursor: event.cursor, id: 'session' });
        break;
      case 'CaughtUp':
        this.#checkCaughtUp(event);
        break;
      case 'FeedEnded':
        this.#ended = true;
        break;
      default:
        if (event.cursor) this.#checkNewCursor(event);
    }
    super.apply(event);
  }

  /**
   * What is left to check once nothing more is expected: the messages against those that were stored, and the session
   * itself against what it is.
   */
  finish(stored, session = null) {
    if (!this.#caughtUp) this.#fault('the last subscription never sent CaughtUp');
    for (const [field, value] of Object.entries(session ?? {})) {
      const told = this.session?.[field];
      if (told !== value) this.#fault(`the session's ${field} was told as ${told}, it is ${value}`);
    }
    const expected = stored.filter((message) => message.seq > this.#baseSeq);
    const known = new Set(expected.map((message) => message.id));
    for (const message of expected) {
      const mine = this.messages.get(message.id);
      if (!mine) {
        this.#fault(`missing: message ${message.seq} is stored and never came`);
        continue;
      }
      for (const field of ['seq', 'status', 'content']) {
        if (mine[field] !== message[field]) {
          const [held, kept] = [mine, message].map((of) => JSON.stringify(of[field]));
          this.#fault(`message ${message.seq} ends with the ${field} ${held}, stored is ${kept}`);
        }
      }
    }
    for (const message of this.messages.values()) {
      if (!known.has(message.id)) this.#fault(`message ${message.seq} came and is not stored`);
    }
    return this.faults;
  }

  #fault(text) {
    this.faults.push(text);
  }

  #checkNewCursor(event) {
    if (this.#cursors.has(event.cursor)) {
      this.#fault(`repeated: ${event.__typename} with a cursor that was seen before`);
    }
    this.#cursors.add(event.cursor);
  }

  #checkMessage(event) {
    const { message } = event;
    this.#checkNewCursor(event);
    this.log.push({ cursor: event.cursor, id: message.id });

    const before = this.messages.get(message.id);
    const isAdded = event.__typename === 'MessageAdded';
    if (before && isAdded) this.#fault(`repeated: message ${message.seq} was added twice`);
    if (!before && !isAdded) this.#fault(`message ${message.seq} changed before it was added`);
    // A replay follows the order of changes: a reply that ended late comes after messages that were sent after it.
    // Live, messages arrive as they are numbered.
    if (this.#caughtUp && !before && message.seq !== this.#topSeq + 1) {
      this.#fault(`out of order: message ${message.seq} came after ${this.#topSeq}`);
    }
    this.#topSeq = Math.max(this.#topSeq, message.seq);
    if (!before) return;

    for (const field of ['seq', 'createdAt']) {
      if (before[field] !== message[field]) this.#fault(`the ${field} of message ${before.seq} changed`);
    }
    if (this.#steered && this.#isBegunAnew(before, message)) {
      this.#growing.delete(message.id);
      return;
    }
    if (isFinal(before)) {
      if (!isFinal(message)) this.#fault(`out of order: message ${message.seq} was final and is ${message.status}`);
      if (['status', 'content', 'editedAt'].every((field) => before[field] === message[field])) {
        this.#fault(`repeated: message ${message.seq} changed into what it was`);
      }
      return;
    }
    // A reply whose writer is cut off is cancelled with the text that was kept of it, which may be less.
    const isCut = this.#steered && message.status === 'CANCELLED' && before.content.startsWith(message.content);
    const followed = this.#growing.has(message.id);
    if (message.status !== 'DELETED' && !isCut && !isWhole(before.content, message.content, followed)) {
      const [told, kept] = [before, message].map((of) => JSON.stringify(of.content));
      this.#fault(`the deltas of message ${message.seq} told ${told}, it is ${kept}`);
    }
  }

  /** Whether what was told of a reply so far is void, and with it how far it was followed. */
  #isBegunAnew(before, message) {
    // A replay leaves out what was overtaken, such as the end before: then the text may be another, or the same again.
    return !this.#caughtUp || (isFinal(before) && !isFinal(message));
  }

  #checkDelta({ messageId, offset, text }) {
    const message = this.messages.get(messageId);
    if (!message) return this.#fault(`a delta for a message that never came: ${JSON.stringify(text)}`);
    const where = `the delta ${JSON.stringify(text)} at ${offset} of message ${message.seq}`;
    if (isFinal(message)) this.#fault(`out of order: ${where} came after its end`);

    const held = [...message.content];
    // The first delta of a connection may bring again what the client has; after it each must begin where the last
    // one ended.
    const first = !this.#growing.has(messageId);
    this.#growing.add(messageId);
    if (offset < 0) return this.#fault(`${where} begins before the text`);
    if (offset > held.length) return this.#fault(`hole: ${where} comes ${offset - held.length} too late`);
    if (offset < held.length && !first) return this.#fault(`repeated: ${where} was due at ${held.length}`);
    if (!text.startsWith(held.slice(offset).join(''))) {
      this.#fault(`${where} contradicts ${JSON.stringify(message.content)}`);
    }
  }

  #checkCaughtUp(event) {
    if (this.#caughtUp) this.#fault('repeated: CaughtUp twice in one subscription');
    this.#caughtUp = true;
    if (this.#cursors.has(event.cursor) && event.cursor !== this.cursor) {
      this.#fault('CaughtUp went back to an older cursor');
    }
    this.#cursors.add(event.cursor);
    // Whoever is caught up knows every message so far.
    const seqs = new Set([...this.messages.values()].map((message) => message.seq));
    for (let seq = this.#baseSeq + 1; seq <= this.#topSeq; seq += 1) {
      if (!seqs.has(seq)) this.#fault(`missing: message ${seq}, after a replay that went up to ${this.#topSeq}`);
    }
  }
}

/** Whether text that was told piece by piece agrees with the text in the end: equal if it was followed live. */
function isWhole(told, content, followed) {
  return followed ? told === content : content.startsWith(told);
}

/**
 * Compares what a client saw that came and went with what one saw that stayed, and returns what is wrong.
 *
 * The traveller may lack a change only if it was told of a later one to the same message: that is what a replay
 * leaves out. What it has must stand in the same order. This also sees what no single feed shows: changes of two
 * messages that swapped places.
 */
export function compareFeeds(traveller, witness) {
  const faults = [];
  const place = new Map(witness.map((entry, index) => [entry.cursor, index]));
  const seen = new Set(traveller.map((entry) => entry.cursor));
  let last = -1;
  for (const { cursor } of traveller) {
    const at = place.get(cursor);
    if (at === undefined) faults.push('a change that nobody else saw');
    else if (at <= last) faults.push(`out of order: change ${at + 1} of the session came after change ${last + 1}`);
    last = Math.max(last, at ?? -1);
  }
  witness.forEach(({ cursor, id }, index) => {
    if (seen.has(cursor)) return;
    const later = witness.slice(index + 1).some((entry) => entry.id === id && seen.has(entry.cursor));
    if (!later) faults.push(`missing: change ${index + 1} of the session, and no later one to its message`);
  });
  return faults;
}
